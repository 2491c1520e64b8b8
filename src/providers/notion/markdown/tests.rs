use proptest::prelude::*;
use serde_json::json;

use super::words::settled;
use super::*;
use crate::providers::notion::block::{Block, Kind, List, native};
use crate::providers::notion::rich::{self, Link, Rich, Run, Said, Style};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z ]{1,8}",
        2 => r"[ a-z0-9\\`*_\[\]<>&~|#+=:!.()'\x22-]{1,10}",
        1 => "[a-z \n.#>-]{1,8}",
        1 => "[é🚀\u{a0}a ]{1,4}",
        1 => Just("1. x".to_owned()),
        1 => Just("&amp; &#32;".to_owned()),
    ]
}

fn style() -> impl Strategy<Value = Style> {
    let flags = (
        any::<bool>(),
        any::<bool>(),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.2),
    );
    let color = prop::option::weighted(0.1, Just("red".to_owned()));
    (prop::bool::weighted(0.4), flags, color).prop_map(|(plain, (bold, italic, strike, underline, code), color)| {
        match plain {
            true => Style::default(),
            false => Style {
                bold,
                italic,
                strike,
                underline,
                code,
                color,
            },
        }
    })
}

fn run() -> impl Strategy<Value = Run> {
    let link = prop::option::weighted(
        0.15,
        prop_oneof![Just("https://e.example/a_b(c)?x=1&y=*"), Just("mailto:a@e.example")],
    );
    let words = (text(), style(), link).prop_map(|(text, style, link)| {
        let link = link.map(|url| Link {
            url: url.to_owned(),
            title: None,
        });
        // Within code a line's end and white space alone are not kept.
        let text = if style.code {
            text.replace('\n', "x").replace(' ', "s")
        } else {
            text
        };
        Run::styled(text, style, link)
    });
    let object = Just(Run {
        said: Said::Object {
            json: json!({"type": "equation", "equation": {"expression": "a<\"b\">"}}),
            plain: "a<\"b\">".to_owned(),
        },
        style: Style::default(),
        link: None,
    });
    prop_oneof![12 => words, 1 => object]
}

fn rich() -> impl Strategy<Value = Rich> {
    prop::collection::vec(run(), 1..6).prop_map(|runs| {
        let mut rich = Rich::new();
        runs.into_iter().for_each(|run| rich::push(&mut rich, run));
        settled(&settled(&rich))
    })
}

fn leaf() -> impl Strategy<Value = Block> {
    let data = json!({"url": "https://e.example/?a=\"b\""});
    let bookmark = native("bookmark", None, data.as_object().expect("an object").clone());
    let code = (
        r"[ -~\n]{0,20}",
        prop::sample::select(vec!["rust", "plain text", "c++"]),
    )
        .prop_map(|(text, language)| {
            let mut said = Rich::new();
            rich::push(&mut said, Run::text(text.trim_end_matches('\n')));
            Kind::Code {
                text: said,
                language: language.to_owned(),
                caption: vec![],
            }
        });
    let row = || prop::collection::vec(prop::collection::vec(rich(), 2), 1..3);
    let table = (row(), any::<bool>(), any::<bool>()).prop_map(|(rows, column_header, row_header)| Kind::Table {
        rows,
        column_header,
        row_header,
    });
    prop_oneof![
        6 => rich().prop_map(Kind::Paragraph),
        1 => Just(Kind::Paragraph(vec![])),
        2 => (1..4_u8, rich()).prop_map(|(level, text)| Kind::Heading(level, text)),
        1 => Just(Kind::Divider),
        1 => code,
        1 => table,
        1 => Just(bookmark),
        1 => Just(Kind::Image { url: "https://e.example/a.png".to_owned(), caption: vec![Run::text("a [b] *c*")] }),
    ]
    .prop_map(Block::of)
}

fn block() -> impl Strategy<Value = Block> {
    leaf().prop_recursive(3, 24, 4, |inner| {
        let children = || prop::collection::vec(inner.clone(), 0..4);
        let of = |kind, children| Block {
            children,
            ..Block::of(kind)
        };
        let list = prop::sample::select(vec![
            List::Bulleted,
            List::Numbered,
            List::ToDo(true),
            List::ToDo(false),
        ]);
        prop_oneof![
            (list, prop_oneof![5 => rich(), 1 => Just(vec![])], children())
                .prop_map(move |(list, text, children)| of(Kind::Item(list, text), children)),
            (rich(), children()).prop_map(move |(text, children)| of(Kind::Quote(text), children)),
            (prop_oneof![5 => rich(), 1 => Just(vec![])], children()).prop_map(move |(text, children)| {
                let data = json!({"icon": {"type": "emoji", "emoji": "💡"}});
                of(
                    native("callout", Some(text), data.as_object().expect("an object").clone()),
                    children,
                )
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_text_is_read_as_it_was_written(text in rich()) {
        let block = Block::of(Kind::Paragraph(text));
        let written = write(std::slice::from_ref(&block));
        prop_assert_eq!(&read(&written).expect("not deep").blocks, &[block], "{}", written);
    }

    #[test]
    fn blocks_are_read_as_they_were_written(blocks in prop::collection::vec(block(), 1..5)) {
        let written = write(&blocks);
        prop_assert_eq!(&read(&written).expect("not deep").blocks, &blocks, "{}", written);
    }

    #[test]
    fn whatever_is_read_is_written_once_and_for_all(text in r"[ a-c\n*_#>`\[\]()!<|~&;:=+.1-]{0,40}") {
        let once = write(&read(&text).expect("not deep").blocks);
        prop_assert_eq!(write(&read(&once).expect("not deep").blocks), once.clone(), "{:?} {:?}", text, once);
    }
}

#[test]
fn what_is_nested_too_deeply_is_refused() {
    assert!(read(&">".repeat(30)).is_ok());
    assert_eq!(read(&">".repeat(5_000)).expect_err("too deep"), TooDeep);
    assert_eq!(read(&"1. ".repeat(5_000)).expect_err("too deep"), TooDeep);
    assert_eq!(
        read(&"<notion-callout>\n\n".repeat(5_000)).expect_err("too deep"),
        TooDeep
    );
}

/// N31: numbers are told anew, and code of a language that Notion does not know keeps its name.
#[test]
fn lists_and_languages_come_back() {
    let text = "1. a\n2. b\n\n***\n\n1. c\n\n```rust\nx\n```\n\n```frobnicate a=1\ny\n```";
    let told = read(text).expect("not deep");
    assert_eq!(write(&told.blocks), text);
    let languages: Vec<&str> = told
        .blocks
        .iter()
        .filter_map(|block| match &block.kind {
            Kind::Code { language, .. } => Some(language.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(languages, ["rust", "plain text"]);
}

#[test]
fn what_is_lost_is_told_once() {
    let text = "#### a\n\n#### b\n\n3. x\n\n[a](https://e.example \"t\")\n\n| a |\n|:-:|\n| b |";
    let told = read(text).expect("not deep");
    let expected = [
        "heading 4",
        "the number that a list begins with",
        "title of a link",
        "alignment of columns",
    ];
    assert_eq!(told.lost, expected);
}

#[test]
fn html_of_somebody_s_own_comes_back() {
    for text in [
        "<div class=\"x\">\n  <b>hi</b>\n</div>",
        "a <b>bold</b> c",
        "[a](/relative \"title\") and ![b](./c.png)",
        "<!-- a note -->",
        "<notion-callout>\n\nnever closed",
    ] {
        let told = read(text).expect("not deep");
        assert_eq!((write(&told.blocks).as_str(), told.lost.len()), (text, 0));
    }
}
