//! Proofs: signatures over a delivery's bytes, and tokens beside them.
//!
//! Invariant: what is compared with a secret, or with what is made of one, is compared in constant time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};
use ring::hmac;
use subtle::ConstantTimeEq as _;

use super::text;

/// How far a sender's clock may be from ours, in seconds: the tolerance of Standard Webhooks' own libraries.
pub const TOLERANCE_S: i64 = 300;
/// What a secret of Standard Webhooks begins with, before its base64.
const WHSEC: &str = "whsec_";
/// The most signatures of one delivery that are looked at: a sender gives several while it changes its secret.
const MOST_SIGNATURES: usize = 8;

/// The bytes of a signature, by HMAC-SHA256.
const TAG_BYTES: usize = 32;

/// One sentence for whatever is wrong: who tries to guess learns nothing.
const UNPROVEN: &str = "the delivery does not prove where it comes from";

/// A way by which a sender proves that it knows the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Hexadecimal HMAC-SHA256 over the body, behind `prefix`.
    Hex {
        /// The header.
        header: &'static str,
        /// What stands before it.
        prefix: &'static str,
    },
    /// The secret itself.
    Token {
        /// The header.
        header: &'static str,
    },
    /// Standard Webhooks (standardwebhooks.com): HMAC-SHA256 over id, moment and body, in base64 behind `v1,`.
    Standard,
}

/// What the head of a delivery says of its proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Whatever its body is, it proves nothing.
    Unproven,
    /// Its body decides.
    Open,
    /// It is proven, whatever its body is.
    Proven,
}

impl Proof {
    /// The header that it comes in.
    const fn header(self) -> &'static str {
        match self {
            Proof::Hex { header, .. } | Proof::Token { header } => header,
            Proof::Standard => "webhook-signature",
        }
    }

    /// Whether it covers the bytes of the body, and nothing beside them that would tell two deliveries apart.
    const fn is_of_body_alone(self) -> bool {
        matches!(self, Proof::Hex { .. })
    }

    fn at_head(self, given: &str, headers: &HeaderMap, secret: &str, now: Timestamp) -> Standing {
        let could = match self {
            Proof::Token { .. } if bool::from(given.as_bytes().ct_eq(secret.as_bytes())) => return Standing::Proven,
            Proof::Token { .. } => false,
            Proof::Hex { prefix, .. } => given.strip_prefix(prefix).and_then(unhex).is_some_and(is_tag),
            Proof::Standard => moment(headers, now).is_some() && signatures(given).any(is_tag),
        };
        match could {
            true => Standing::Open,
            false => Standing::Unproven,
        }
    }

    fn holds(self, given: &str, headers: &HeaderMap, body: &[u8], secret: &str, now: Timestamp) -> bool {
        match self {
            Proof::Token { .. } => bool::from(given.as_bytes().ct_eq(secret.as_bytes())),
            Proof::Hex { prefix, .. } => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                let signature = given.strip_prefix(prefix).and_then(unhex);
                signature.is_some_and(|signature| hmac::verify(&key, body, &signature).is_ok())
            }
            Proof::Standard => standard(given, headers, body, secret, now),
        }
    }
}

/// Holds a delivery to the proof that it gives.
///
/// # Errors
/// `unauthenticated` where it gives none of those that its kind knows, or one that does not hold.
pub fn prove(proofs: &[Proof], headers: &HeaderMap, body: &[u8], secret: &str, now: Timestamp) -> Result<(), Failure> {
    // One proof counts: a better one that fails is not made up for by a weaker one.
    let (proof, given) = given(proofs, headers).ok_or_else(unproven)?;
    match proof.holds(given, headers, body, secret, now) {
        true => Ok(()),
        false => Err(unproven()),
    }
}

/// What of a delivery's proof can be told by its head.
pub fn at_head(proofs: &[Proof], headers: &HeaderMap, secret: &str, now: Timestamp) -> Standing {
    given(proofs, headers).map_or(Standing::Unproven, |(proof, given)| {
        proof.at_head(given, headers, secret, now)
    })
}

/// Whether what proves a delivery would prove the same bytes under another name as well.
pub fn is_of_body_alone(proofs: &[Proof], headers: &HeaderMap) -> bool {
    given(proofs, headers).is_some_and(|(proof, _)| proof.is_of_body_alone())
}

/// Whether a delivery gives a proof that its kind knows, be it right or wrong.
pub fn is_given(proofs: &[Proof], headers: &HeaderMap) -> bool {
    given(proofs, headers).is_some()
}

fn given<'h>(proofs: &[Proof], headers: &'h HeaderMap) -> Option<(Proof, &'h str)> {
    let given = |proof: &Proof| Some((*proof, text(headers, proof.header())?));
    proofs.iter().find_map(given)
}

/// What whoever proves nothing is told.
pub fn unproven() -> Failure {
    Failure::new(Kind::Unauthenticated, UNPROVEN).never_sent()
}

fn standard(given: &str, headers: &HeaderMap, body: &[u8], secret: &str, now: Timestamp) -> bool {
    let Some((id, moment)) = moment(headers, now) else {
        return false;
    };
    let key = secret
        .strip_prefix(WHSEC)
        .and_then(|encoded| STANDARD.decode(encoded).ok());
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_deref().unwrap_or(secret.as_bytes()));
    let mut signed = hmac::Context::with_key(&key);
    for part in [id.as_bytes(), b".", moment.as_bytes(), b".", body] {
        signed.update(part);
    }
    let tag = signed.sign();
    signatures(given).any(|signature| bool::from(tag.as_ref().ct_eq(&signature)))
}

/// The id and the moment of a delivery that is neither old nor of a time to come.
fn moment(headers: &HeaderMap, now: Timestamp) -> Option<(&str, &str)> {
    let (id, moment) = (text(headers, "webhook-id")?, text(headers, "webhook-timestamp")?);
    let near = |seconds: i64| now.as_second().abs_diff(seconds) <= TOLERANCE_S.unsigned_abs();
    moment.parse().is_ok_and(near).then_some((id, moment))
}

/// The signatures that are given, as far as they are looked at.
fn signatures(given: &str) -> impl Iterator<Item = Vec<u8>> {
    let given = given.split(' ').take(MOST_SIGNATURES);
    given.filter_map(|signature| STANDARD.decode(signature.strip_prefix("v1,")?).ok())
}

/// Whether it has the length of one.
fn is_tag(signature: Vec<u8>) -> bool {
    signature.len() == TAG_BYTES
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;
    use proptest::prelude::*;

    const HEX: Proof = Proof::Hex {
        header: "x-hub-signature-256",
        prefix: "sha256=",
    };
    const TOKEN: Proof = Proof::Token {
        header: "x-gitlab-token",
    };

    fn headers(given: &[(&str, &str)]) -> HeaderMap {
        let name = |name: &str| HeaderName::from_bytes(name.as_bytes()).expect("a name");
        let pairs = given.iter();
        pairs
            .map(|(key, value)| (name(key), value.parse().expect("a value")))
            .collect()
    }

    fn holds(proofs: &[Proof], given: &[(&str, &str)], body: &[u8], secret: &str) -> bool {
        let now = Timestamp::from_second(1_614_265_330).expect("a moment");
        prove(proofs, &headers(given), body, secret, now).is_ok()
    }

    #[test]
    fn a_published_signature_holds_and_no_other() {
        // The example of the vendor's own documentation.
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let given = [("x-hub-signature-256", signature)];
        let secret = "It's a Secret to Everybody";
        assert!(holds(&[HEX], &given, b"Hello, World!", secret));
        assert!(!holds(&[HEX], &given, b"Hello, World?", secret));
        assert!(!holds(&[HEX], &given, b"Hello, World!", "another"));
        assert!(!holds(&[HEX], &[], b"Hello, World!", secret));
        for broken in ["sha256=", "sha256=7", "sha1=757107ea", "757107ea", "sha256=zz"] {
            assert!(
                !holds(&[HEX], &[("x-hub-signature-256", broken)], b"", secret),
                "{broken}"
            );
        }
    }

    #[test]
    fn a_standard_webhook_is_held_to_its_id_its_moment_and_its_body() {
        // The example of the standard's own documentation.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = br#"{"test": 2432232314}"#;
        let all = [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ];
        assert!(holds(&[Proof::Standard], &all, body, secret));
        assert!(!holds(&[Proof::Standard], &all[1..], body, secret));
        for (at, other) in [(0, "msg_other"), (1, "1614265331"), (1, "1614260000"), (1, "soon")] {
            let mut forged = all;
            forged[at].1 = other;
            assert!(!holds(&[Proof::Standard], &forged, body, secret), "{other}");
        }
        let late = Timestamp::from_second(1_614_265_330 + TOLERANCE_S + 1).expect("a moment");
        assert!(prove(&[Proof::Standard], &headers(&all), body, secret, late).is_err());
        let mut several = all;
        several[2].1 = "v1a,AAAA v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert!(holds(&[Proof::Standard], &several, body, secret));
    }

    #[test]
    fn what_can_prove_nothing_is_known_by_its_head() {
        let now = Timestamp::from_second(1_614_265_330).expect("a moment");
        let standing = |proofs: &[Proof], given: &[(&str, &str)]| at_head(proofs, &headers(given), "secret", now);
        let tag = format!("sha256={}", "0f".repeat(32));
        for (given, expected) in [
            (&[][..], Standing::Unproven),
            (&[("x-hub-signature-256", "sha256=00")], Standing::Unproven),
            (&[("x-hub-signature-256", &tag["sha256=".len()..])], Standing::Unproven),
            (&[("x-hub-signature-256", &tag)], Standing::Open),
        ] {
            assert_eq!(standing(&[HEX], given), expected, "{given:?}");
        }
        assert_eq!(standing(&[TOKEN], &[("x-gitlab-token", "secret")]), Standing::Proven);
        assert_eq!(standing(&[TOKEN], &[("x-gitlab-token", "secreT")]), Standing::Unproven);
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let all = [
            ("webhook-id", "a"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", signature),
        ];
        assert_eq!(standing(&[Proof::Standard], &all), Standing::Open);
        for (at, other) in [(1, "1614260000"), (2, "v1,AAAA"), (2, "v2,x")] {
            let mut forged = all;
            forged[at].1 = other;
            assert_eq!(standing(&[Proof::Standard], &forged), Standing::Unproven, "{other}");
        }
        assert!(is_of_body_alone(&[HEX], &headers(&[("x-hub-signature-256", &tag)])));
        assert!(!is_of_body_alone(&[Proof::Standard], &headers(&all)));
    }

    #[test]
    fn a_better_proof_that_fails_is_not_made_up_for() {
        let proofs = [Proof::Standard, TOKEN];
        assert!(holds(&proofs, &[("x-gitlab-token", "secret")], b"", "secret"));
        assert!(!holds(&proofs, &[("x-gitlab-token", "secre")], b"", "secret"));
        let both = [("webhook-signature", "v1,AAAA"), ("x-gitlab-token", "secret")];
        assert!(!holds(&proofs, &both, b"", "secret"));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_without_a_panic(given in "\\PC{0,80}", body in proptest::collection::vec(any::<u8>(), 0..64)) {
            for proof in [HEX, TOKEN, Proof::Standard] {
                let mut headers = HeaderMap::new();
                if let Ok(value) = http::HeaderValue::from_str(&given) {
                    headers.insert(proof.header(), value.clone());
                    headers.insert("webhook-id", value.clone());
                    headers.insert("webhook-timestamp", value);
                }
                prop_assert!(prove(&[proof], &headers, &body, "a secret that nobody guesses", Timestamp::now()).is_err());
            }
        }
    }
}
