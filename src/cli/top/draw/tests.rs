//! What the drawings show, in a terminal that is a buffer.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::json;

use super::*;
use crate::cli::top::model::Wish;
use crate::cli::top::sheet::Seen;

fn seen() -> Seen {
    let provider = |name: &str, state: &str, health: &str| {
        json!({"name": name, "kind": "github", "life": "running", "in_flight": 1,
            "traffic": {"answered": 10, "failed": 2}, "breaker": {"state": state}, "health": {"state": health}})
    };
    Seen {
        status: json!({"version": "0.1.0", "uptime_ms": 180_000, "accepting": true, "health": {"unhealthy": 1},
            "traffic": {"answered": 20, "failed": 2}, "calls": {"in_flight": 3, "max_in_flight": 10_000},
            "providers": [provider("forge-a", "closed", "healthy"), provider("forge-b", "open", "unhealthy")]}),
        tree: json!({"root": {"path": "/root", "state": "running", "children": [
            {"path": "/root/a", "state": "backing_off", "mailbox": 7}, {"path": "/root/b\u{1b}[2J", "state": "running"}]}}),
        breakers: json!({"breakers": [{"name": "forge-a", "state": "closed"}, {"name": "forge-b", "state": "open"}]}),
        caches: json!({"l1": {"enabled": true, "entries": 4, "bytes": 2048, "max_bytes": 4096},
            "tiers": [{"name": "l2", "hits": 3, "misses": 1, "fills": 1, "errors": 0, "breaker": {"state": "closed"}}]}),
        quotas: json!({"tenants": [{"tenant": "local", "admitted": 20, "in_flight": 3}]}),
        calls: json!({"calls": [{"id": "r1", "operation": "git.repo.get", "for_ms": 40, "phase": "upstream"}]}),
    }
}

fn model(tab: Tab) -> Model {
    let mut model = Model::new("http://127.0.0.1:9901", seen());
    model.wish(Wish::Show(tab));
    model
}

fn drawn(model: &mut Model, width: u16, height: u16, coloured: bool) -> (String, bool) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    model.fit(usize::from(parts(Rect::new(0, 0, width, height)).rows.height));
    terminal.draw(|frame| draw(model, frame, Palette { coloured })).unwrap();
    let buffer = terminal.backend().buffer();
    let lines = (0..height).map(|y| {
        let cells = (0..width).map(|x| buffer[(x, y)].symbol());
        cells.collect::<String>().trim_end().to_owned()
    });
    let any_colour = buffer
        .content()
        .iter()
        .any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
    (lines.collect::<Vec<_>>().join("\n"), any_colour)
}

#[test]
fn each_tab_shows_its_rows_with_the_ill_ones_first() {
    for (tab, wanted) in [
        (Tab::Tree, &["ACTOR", "├─ a", "backing_off", "└─ b\u{fffd}[2J"][..]),
        (Tab::Providers, &["NAME", "forge-b", "unhealthy", "open"]),
        (Tab::Breakers, &["NAME", "forge-b", "open"]),
        (Tab::Caches, &["TIER", "l1", "2 of 4 KiB", "l2", "75 %"]),
        (Tab::Tenants, &["TENANT", "local", "20"]),
        (Tab::Calls, &["OPERATION", "git.repo.get", "upstream"]),
    ] {
        let (text, _) = drawn(&mut model(tab), 100, 30, true);
        for part in wanted {
            assert!(text.contains(part), "{tab:?} {part}\n{text}");
        }
        assert!(
            text.contains("MosAIc 0.1.0, up 3 m, 3 of 10000 calls in flight"),
            "{text}"
        );
        assert!(text.contains("1 UNHEALTHY") && text.contains("calls/s"), "{text}");
    }
    let (text, _) = drawn(&mut model(Tab::Providers), 100, 30, true);
    assert!(text.find("forge-b") < text.find("forge-a"), "{text}");
}

#[test]
fn a_narrow_and_a_low_terminal_show_what_stands_first() {
    let (text, _) = drawn(&mut model(Tab::Providers), 40, 10, true);
    assert!(text.contains("forge-b") && text.contains("2Pro"), "{text}");
    assert!(!text.contains("at most"), "no graph in so few rows\n{text}");
    let (text, _) = drawn(&mut model(Tab::Tree), 24, 8, true);
    assert!(
        text.contains("├─ a") && text.lines().all(|line| line.chars().count() <= 24),
        "{text}"
    );
    let (text, _) = drawn(&mut model(Tab::Tree), 12, 4, true);
    assert!(text.starts_with("mosaic top:"), "{text}");
    // Any size at all.
    for width in 0..45 {
        for height in 0..16 {
            for tab in TABS {
                let mut model = model(tab);
                model.wish(Wish::Help);
                drawn(&mut model, width, height, true);
                model.wish(Wish::Help);
                model.wish(Wish::Open);
                drawn(&mut model, width, height, true);
            }
        }
    }
}

#[test]
fn without_colour_nothing_is_coloured_and_all_is_told() {
    let (coloured, is_coloured) = drawn(&mut model(Tab::Providers), 100, 30, true);
    let (plain, is_not) = drawn(&mut model(Tab::Providers), 100, 30, false);
    assert!(is_coloured && !is_not);
    assert_eq!(coloured, plain);
}

#[test]
fn facts_help_a_pause_and_a_lost_gateway_are_shown() {
    let mut model = model(Tab::Providers);
    model.wish(Wish::Open);
    let (text, _) = drawn(&mut model, 80, 24, true);
    assert!(
        text.contains("traffic.answered") && text.contains("Esc closes"),
        "{text}"
    );
    model.wish(Wish::Help);
    model.wish(Wish::Pause);
    model.lose("connection refused".to_owned());
    let (text, _) = drawn(&mut model, 80, 24, true);
    assert!(text.contains("previous tab") && text.contains("PAUSED"), "{text}");
    assert!(text.contains("NO ANSWER (connection refused)"), "{text}");
    model.look(seen());
    let (text, _) = drawn(&mut model, 80, 24, true);
    assert!(!text.contains("NO ANSWER"), "{text}");
}

#[test]
fn a_tab_is_where_it_is_drawn() {
    let area = Rect::new(0, 0, 80, 24);
    let (text, _) = drawn(&mut model(Tab::Tree), 80, 24, true);
    let line = text.lines().nth(1).unwrap();
    for (tab, place, _) in tabs(parts(area).tabs) {
        let own: String = line
            .chars()
            .skip(usize::from(place.x))
            .take(usize::from(place.width))
            .collect();
        assert!(own.contains(tab.name()), "{own}");
    }
}
