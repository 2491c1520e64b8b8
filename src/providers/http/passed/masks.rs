//! The secrets of an endpoint's own credential in its answers, whatever is made of these.
//!
//! Invariant: what is read as text holds none of them, and is as long as it came; a body that holds none is not copied.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use mosaic_actors::error::Failure;

use super::few::Few;
use super::form::is_bytes;
use super::replace::{Replacer, Rules, Sought};
use crate::leisure::at_leisure;
use crate::providers::http::credential::Token;

/// What is hidden in the answers to requests that bore one credential.
#[derive(Default)]
pub(in crate::providers::http) struct Masks {
    worn: Option<Arc<Token>>,
    pub(super) secrets: Vec<String>,
    pub(super) rules: Rules,
}

/// Those that were made last: a credential stays for many calls, and one of several tokens comes by turns.
#[derive(Default)]
pub(in crate::providers::http) struct KeptMasks(pub(super) Few<Masks>);

impl Masks {
    /// Those of these secrets, of a credential with `worn` in it.
    pub(super) fn of(secrets: Vec<String>, worn: Option<&Arc<Token>>) -> Self {
        Masks {
            worn: worn.cloned(),
            rules: Arc::new(Sought::of([], &secrets)),
            secrets,
        }
    }

    pub(super) fn are_of(&self, worn: Option<&Arc<Token>>) -> bool {
        self.worn.as_ref().map(Arc::as_ptr) == worn.map(Arc::as_ptr)
    }

    /// Whether a secret may stand as text in a file of this media type.
    pub(in crate::providers::http) fn may_stand_in(media_type: &str) -> bool {
        !is_bytes(media_type)
    }

    /// Whether any of it stands in a text.
    pub(in crate::providers::http) fn stand_in(&self, text: &str) -> bool {
        self.rules.stands_in(text.as_bytes())
    }

    /// A whole body.
    pub(in crate::providers::http) fn whole(&self, body: Bytes) -> Bytes {
        at_leisure(body.len(), || Replacer::whole(&self.rules, body))
    }

    /// What hides them in a body while it passes; none where there is nothing to hide.
    pub(in crate::providers::http) fn through(&self) -> Option<Replacer> {
        (!self.rules.is_empty()).then(|| Replacer::new(&self.rules))
    }

    /// The same, over the pieces of a body.
    pub(in crate::providers::http) fn over<S>(
        &self,
        pieces: S,
    ) -> Pin<Box<dyn Stream<Item = Result<Bytes, Failure>> + Send>>
    where
        S: Stream<Item = Result<Bytes, Failure>> + Send + 'static,
    {
        let Some(replacer) = self.through() else {
            return Box::pin(pieces);
        };
        let pieces = Box::pin(pieces);
        Box::pin(stream::unfold(Some((pieces, replacer)), |open| async move {
            let (mut pieces, mut replacer) = open?;
            match pieces.next().await {
                Some(Ok(piece)) => Some((Ok(replacer.push(piece)), Some((pieces, replacer)))),
                Some(Err(failure)) => Some((Err(failure), None)),
                None => Some((Ok(replacer.finish()), None)),
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use futures_util::{StreamExt, stream};
    use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::super::secrets;
    use super::*;
    use crate::providers::http::credential::{Accepts, Given};
    use crate::providers::http::endpoint::tests::{DIALECT, connection};
    use crate::providers::http::{Endpoint, Header};

    const SECRET: &str = "ghp_0123456789abcdef";

    fn masks() -> Arc<Masks> {
        let mut connection = connection(None);
        connection.credential = Some(Given::Token(SECRET.to_owned().into()));
        let endpoint = Endpoint::new(&connection, &DIALECT).expect("an endpoint");
        let endpoint = endpoint.authenticated(&connection, &[Accepts::Token(Header::BEARER)]);
        endpoint.expect("it takes a token").masks(None)
    }

    #[test]
    fn a_body_that_holds_our_secret_holds_as_many_signs() {
        let masks = masks();
        let body = Bytes::from(format!("{{\"a\": \"https://x:{SECRET}@h/\"}}"));
        let hidden = masks.whole(body.clone());
        assert_eq!(hidden.len(), body.len());
        assert_eq!(hidden, "{\"a\": \"https://x:********************@h/\"}");
        let plain = Bytes::from_static(b"{}");
        assert_eq!(masks.whole(plain.clone()).as_ptr(), plain.as_ptr(), "it is not copied");
    }

    /// What writers of JSON, of URLs and of pages make of a text.
    fn written(text: &str) -> Vec<String> {
        let json = serde_json::to_string(text).expect("a text");
        let json = json[1..json.len() - 1].to_owned();
        let unit = |unit: u16| match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("\\u{unit:04x}"),
        };
        let in_page = |sign: char| match sign {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&#39;".to_owned(),
            other => other.to_string(),
        };
        let by_number = |sign: char| match sign.is_ascii_alphanumeric() {
            true => sign.to_string(),
            false => format!("&#{};", u32::from(sign)),
        };
        vec![
            json.replace('/', r"\/"),
            json,
            text.encode_utf16().map(unit).collect(),
            utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
            url::form_urlencoded::byte_serialize(text.as_bytes()).collect(),
            text.chars().map(in_page).collect(),
            text.chars().map(by_number).collect(),
        ]
    }

    proptest! {
        #[test]
        fn what_any_writer_makes_of_any_password_is_hidden(password in r"\PC{12,20}") {
            let pair = STANDARD.encode(format!("kim:{password}"));
            let mut value = HeaderValue::from_str(&format!("Basic {pair}")).expect("a header");
            value.set_sensitive(true);
            let worn = HeaderMap::from_iter([(AUTHORIZATION, value)]);
            let masks = Masks::of(secrets::of(&worn, &HeaderMap::new()), None);
            for written in written(&password) {
                let body = Bytes::from(format!("\n{written}\n"));
                let hidden = format!("\n{}\n", "*".repeat(written.len()));
                prop_assert_eq!(masks.whole(body), Bytes::from(hidden), "{}", written);
            }
        }
    }

    #[tokio::test]
    async fn however_a_body_is_cut_nothing_of_it_is_lost_and_nothing_told() {
        let body = format!("a {SECRET} b ghp_0123");
        for cut in 0..body.len() {
            let (one, two) = body.as_bytes().split_at(cut);
            let pieces = [one, two].map(|piece| Ok(Bytes::copy_from_slice(piece)));
            let passed: Vec<_> = masks().over(stream::iter(pieces)).collect().await;
            let passed: Vec<u8> = passed.into_iter().flat_map(|piece| piece.expect("sound")).collect();
            assert_eq!(
                String::from_utf8(passed).expect("text"),
                "a ******************** b ghp_0123"
            );
        }
    }
}
