//! The table. Each row is a test of its own.

mod limits;
mod outages;
mod reads;
mod refusals;
mod services;
mod streams;
mod writes;

macro_rules! rows {
    ($($of:ident: $($name:ident),* $(,)?;)*) => {
        /// By row: the same at every surface.
        mod alike {
            $(
                mod $of {
                    $(
                        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                        async fn $name() {
                            crate::play::play(crate::table::$of::$name).await;
                        }
                    )*
                }
            )*
        }
    };
}

rows! {
    reads: one_thing, a_list_page_by_page, a_second_read_is_from_memory, at_the_provider_that_is_named, every_instance_is_asked,
        every_instance_is_asked_and_one_is_broken, a_file, what_providers_say_themselves, labels_choose_the_rule;
    writes: done_once_under_a_key, a_key_of_another_request, changes_what_is_read, removed_and_gone;
    refusals: without_the_scope, beyond_the_reach, nobody_knows_it, an_input_that_is_wrong, a_number_that_is_too_large, a_field_that_is_missing, a_word_that_is_none,
        a_strange_key, without_a_key, an_instance_that_is_not_there, what_a_kind_cannot_do, a_cursor_of_another;
    limits: the_rate_is_used_up, calls_in_flight, credits_are_used_up, a_provider_that_asks_for_time;
    outages: a_circuit_held_open_is_gone_around, a_circuit_held_open_alone, a_circuit_that_opened, failed_over, both_fail,
        nobody_answers_in_time, a_write_in_doubt;
    streams: words_of_a_model, a_stream_that_breaks, a_log_that_is_followed, the_same_words_at_once;
    services: a_page, pages_are_written, a_file_is_attached, a_run_is_started, runs_are_listed, issues_are_listed, embedded_texts;
}
