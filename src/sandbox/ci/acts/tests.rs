use super::*;
use crate::sandbox::ci::seeded::workflow;

const KEY: &str = "acme/api";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn server() -> Ci {
    let mut ci = Ci::new("one");
    ci.seed_workflows(KEY);
    ci
}

fn trigger(ci: &mut Ci, file: &str, outcome: &str) -> Result<u64, Refused> {
    let workflow = ci.project(KEY)?.workflow(file).ok_or(Refused::Missing)?.clone();
    let trigger = Trigger {
        inputs: BTreeMap::from([(crate::sandbox::ci::outcome::OUTCOME.to_owned(), outcome.to_owned())]),
        ..Trigger::of(&workflow, Event::Manual, "main", "c", "t", "a")
    };
    ci.trigger(KEY, trigger, at(1))
}

fn ended(ci: &mut Ci, run: u64) -> Stage {
    (0..9).for_each(|second| {
        ci.read(KEY, run, at(second)).unwrap();
    });
    ci.project(KEY).unwrap().run(run).unwrap().stage()
}

#[test]
fn only_what_may_be_started_is() {
    let mut ci = server();
    assert_eq!(trigger(&mut ci, "none.yml", ""), Err(Refused::Missing));
    assert_eq!(trigger(&mut ci, "nightly.yml", ""), Err(Refused::NoTrigger));
    assert_eq!(trigger(&mut ci, "retired.yml", ""), Err(Refused::Disabled));
    assert_eq!((ci.created(), workflow(1).listens_to(Event::Push)), (0, true));
}

#[test]
fn what_failed_is_tried_again_and_the_rest_is_kept() {
    let mut ci = server();
    let run = trigger(&mut ci, "ci.yml", "flaky").unwrap();
    assert_eq!(ci.rerun(KEY, run, Again::Failed, "b", at(2)), Err(Refused::NotOver));
    assert_eq!(ended(&mut ci, run), Stage::Over(Ending::Failure));
    ci.rerun(KEY, run, Again::Failed, "b", at(3)).unwrap();
    let stages = |ci: &Ci| {
        let run = ci.project(KEY).unwrap().run(run).unwrap().clone();
        let views: Vec<_> = run.latest().views().map(|view| view.stage()).collect();
        views
    };
    assert_eq!(stages(&ci), [Stage::Over(Ending::Success), Stage::Queued]);
    assert_eq!(ended(&mut ci, run), Stage::Over(Ending::Success));
    let all = ci.project(KEY).unwrap().run(run).unwrap();
    let ids: Vec<_> = all
        .attempts
        .iter()
        .flat_map(|attempt| attempt.jobs.iter().map(|job| job.id))
        .collect();
    assert_eq!((ids.len(), all.artifacts().count(), all.latest().number), (4, 2, 2));
    assert_eq!(
        ci.rerun(KEY, run, Again::Failed, "b", at(4)),
        Err(Refused::NothingFailed)
    );
    let broken = trigger(&mut ci, "ci.yml", "error").unwrap();
    assert_eq!(ended(&mut ci, broken), Stage::Over(Ending::Error));
    assert_eq!(ci.rerun(KEY, broken, Again::All, "b", at(5)), Err(Refused::Broken));
}

#[test]
fn a_run_is_stopped_and_deleted_once() {
    let mut ci = server();
    let run = trigger(&mut ci, "ci.yml", "hold").unwrap();
    assert_eq!(ended(&mut ci, run), Stage::Running);
    assert_eq!(ci.delete(KEY, run), Err(Refused::NotOver));
    ci.cancel(KEY, run, Cancelling::Asked, at(2)).unwrap();
    assert_eq!(ended(&mut ci, run), Stage::Over(Ending::Cancelled));
    assert_eq!(ci.cancel(KEY, run, Cancelling::Forced, at(3)), Err(Refused::Over));
    ci.delete(KEY, run).unwrap();
    assert_eq!(ci.delete(KEY, run), Err(Refused::Missing));
    let next = trigger(&mut ci, "ci.yml", "").unwrap();
    assert_eq!(ci.project(KEY).unwrap().run(next).unwrap().number, 2);
}

#[test]
fn an_environment_s_keeper_lets_a_run_go_on_or_not() {
    let mut ci = server();
    let (one, other) = (
        trigger(&mut ci, "deploy.yml", "").unwrap(),
        trigger(&mut ci, "deploy.yml", "").unwrap(),
    );
    assert_eq!(ended(&mut ci, one), Stage::Blocked);
    ci.decide(KEY, one, true, at(2)).unwrap();
    ci.decide(KEY, other, false, at(2)).unwrap();
    assert_eq!(ci.decide(KEY, other, true, at(2)), Err(Refused::NotBlocked));
    assert_eq!(ended(&mut ci, one), Stage::Over(Ending::Success));
}

#[test]
fn a_push_and_a_pull_request_start_what_listens_to_them_once() {
    let mut state = crate::sandbox::forge::State::seeded("one");
    let mut ci = Ci::of_forge("one", &state);
    let repo = state.repo("acme", "api").unwrap();
    let (id, key) = (repo.id, crate::sandbox::ci::key(repo));
    let runs = |ci: &Ci| ci.project(&key).unwrap().runs.len();
    let before = runs(&ci);
    ci.follow(&state, at(1));
    assert_eq!(runs(&ci), before);
    let head = repo.head().unwrap().id.clone();
    state.create_branch(id, "topic", &head).unwrap();
    ci.follow(&state, at(2));
    ci.follow(&state, at(3));
    let project = ci.project(&key).unwrap();
    let last = project.runs.last().unwrap();
    assert_eq!(
        (project.runs.len(), last.event, &*last.branch),
        (before + 1, Event::Push, "topic")
    );
    assert_eq!((last.commit.clone(), last.stage()), (head, Stage::Queued));
}
