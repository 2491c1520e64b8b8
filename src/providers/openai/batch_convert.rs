//! From OpenAI's batches and files to the neutral types. Pure.
//!
//! Invariant: a state that nobody knows is none of ours, and says so.

use mosaic_actors::call::Resource;

use super::batch_wire as wire;
use crate::catalogue::ai::{
    Batch, BatchCounts, BatchError, BatchFiles, BatchState, BatchWork, FileMetadata, FilePurpose, Terms, Usage, Warning,
};
use crate::providers::http::Row;
use crate::providers::http::text::present;

/// What conversations are asked by.
pub const CHAT: &str = "/v1/chat/completions";
/// What vectors are asked by.
pub const EMBEDDINGS: &str = "/v1/embeddings";
/// Our words for what a file is for, and the provider's.
const PURPOSES: &[(FilePurpose, &str)] = &[
    (FilePurpose::Input, "user_data"),
    (FilePurpose::Batch, "batch"),
    (FilePurpose::FineTune, "fine-tune"),
    (FilePurpose::Vision, "vision"),
    (FilePurpose::Assistants, "assistants"),
    (FilePurpose::Evals, "evals"),
];

/// The provider's word.
pub fn purpose(ours: FilePurpose) -> &'static str {
    let known = PURPOSES.iter().find(|(known, _)| *known == ours);
    known.map_or("user_data", |(_, word)| word)
}

/// What a batch does, by what its requests are sent to.
pub fn work(endpoint: &str) -> BatchWork {
    if endpoint.ends_with("/chat/completions") {
        BatchWork::Chat
    } else if endpoint.ends_with("/embeddings") {
        BatchWork::Embeddings
    } else {
        BatchWork::Other
    }
}

/// Where a batch stands.
pub fn state(word: &str) -> BatchState {
    match word {
        "validating" => BatchState::Validating,
        "in_progress" => BatchState::Running,
        "finalizing" => BatchState::Finalizing,
        "cancelling" => BatchState::Cancelling,
        "completed" => BatchState::Completed,
        "failed" => BatchState::Failed,
        "cancelled" => BatchState::Cancelled,
        "expired" => BatchState::Expired,
        _ => BatchState::Other,
    }
}

/// The files of its results that a batch has: of what was done well, then of what was not.
pub fn results(batch: &wire::Batch) -> Vec<String> {
    let files = [&batch.output_file_id, &batch.error_file_id];
    files.into_iter().filter_map(|file| present(file.clone())).collect()
}

pub fn batch(instance: &str, Row { wire, raw }: Row<wire::Batch>, warnings: Vec<Warning>) -> Batch {
    let raw_state = wire.status.clone().unwrap_or_default();
    let state = state(&raw_state);
    let neutral = |id: Option<String>| present(id).map(|id| Resource::neutral_id(instance, id));
    let files = BatchFiles {
        requests: neutral(wire.input_file_id.clone()),
        results: neutral(wire.output_file_id.clone()),
        errors: neutral(wire.error_file_id.clone()),
    };
    let ended_at = wire
        .completed_at
        .or(wire.failed_at)
        .or(wire.expired_at)
        .or(wire.cancelled_at);
    let errors = wire.errors.and_then(|errors| errors.data).unwrap_or_default();
    Batch {
        id: Resource::neutral_id(instance, &wire.id),
        state,
        raw_state,
        work: wire.endpoint.as_deref().map(work),
        counts: wire.request_counts.map(|counts| BatchCounts {
            total: counts.total,
            succeeded: counts.completed,
            failed: counts.failed,
            ..BatchCounts::default()
        }),
        has_results: state.is_over() && (files.results.is_some() || files.errors.is_some()),
        errors: errors.into_iter().map(error).collect(),
        files: (files != BatchFiles::default()).then_some(files),
        usage: wire.usage.and_then(usage),
        created_at: wire.created_at.in_utc(),
        started_at: wire.in_progress_at.in_utc(),
        cancel_asked_at: wire.cancelling_at.in_utc(),
        ended_at: ended_at.in_utc(),
        expires_at: wire.expires_at.in_utc(),
        archived_at: None,
        warnings,
        raw,
    }
}

fn error(wire: wire::BatchError) -> BatchError {
    BatchError {
        code: present(wire.code),
        message: present(wire.message),
        line: wire.line,
    }
}

fn usage(wire: wire::Usage) -> Option<Usage> {
    let counted = wire.input_tokens.is_some() || wire.output_tokens.is_some();
    let usage = counted.then(|| Usage {
        input_tokens: wire.input_tokens.unwrap_or_default(),
        output_tokens: wire.output_tokens.unwrap_or_default(),
        cached_input_tokens: wire.input_tokens_details.cached_tokens,
        cache_write_tokens: None,
        reasoning_tokens: wire.output_tokens_details.reasoning_tokens,
        terms: Some(Terms::Batch),
        ..Usage::default()
    });
    usage?.believed_of_many()
}

pub fn file(instance: &str, Row { wire, raw }: Row<wire::File>) -> FileMetadata {
    let raw_purpose = present(wire.purpose);
    let ours = PURPOSES.iter().find(|(_, word)| raw_purpose.as_deref() == Some(word));
    FileMetadata {
        id: Resource::neutral_id(instance, &wire.id),
        name: present(wire.filename).unwrap_or(wire.id),
        size: wire.bytes,
        media_type: None,
        purpose: ours.map(|(purpose, _)| *purpose),
        raw_purpose,
        downloadable: None,
        created_at: wire.created_at.in_utc(),
        expires_at: wire.expires_at.in_utc(),
        raw,
    }
}
