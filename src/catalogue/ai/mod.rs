//! AI: conversations, answers that are kept, models, batches and files.
//!
//! Invariant: the neutral finish reasons and usage counts mean the same at every provider.

mod answer;
pub(super) mod batch;
mod batch_create;
mod batch_results;
mod chat;
mod check;
mod content;
mod embedding;
mod estimate;
mod event;
mod extensions;
mod facts;
mod file;
pub mod fold;
mod input;
mod message;
mod model;
mod moderation;
mod money;
mod opaque;
mod owned;
mod part;
mod prefix;
mod price;
mod response;
mod response_input;
mod stray;
mod tokens;
mod tool;

pub use answer::{Chat, Finish, MOST_TOKENS, Usage, Warning};
pub use batch::{
    Batch, BatchCancel, BatchCancelInput, BatchCounts, BatchError, BatchFiles, BatchGet, BatchGetInput, BatchList,
    BatchListInput, BatchState, BatchWork,
};
pub use batch_create::{BatchCreate, BatchCreateInput, BatchRequest};
pub use batch_results::{BatchFailure, BatchResult, BatchResults, BatchResultsInput};
pub use chat::{ChatComplete, ChatStream};
pub use content::Content;
pub use embedding::{Embeddings, EmbeddingsCreate, EmbeddingsInput};
pub use event::ChatEvent;
pub use extensions::Extensions;
pub use facts::{Ability, Facts, Work};
pub use file::{
    FileContent, FileContentInput, FileDelete, FileDeleteInput, FileGet, FileGetInput, FileList, FileListInput,
    FileMetadata, FilePurpose, FileUpload, FileUploadInput,
};
pub use input::{ChatInput, Said, Turn};
pub use message::{Message, Role};
pub use model::{Model, ModelGet, ModelGetInput, ModelsList, ModelsListInput};
pub use moderation::{Harm, Judged, Moderation, ModerationCreate, ModerationInput, Picture, Verdict};
pub use money::{Terms, Usd};
pub use opaque::{Base64, Opaque};
pub use part::{Cache, Detail, Part, ResultPart, Source};
pub use price::{Prices, Rate, Rates};
pub use response::{
    Response, ResponseCancel, ResponseCreate, ResponseError, ResponseGet, ResponseGetInput, ResponseState,
    ResponseStream,
};
pub use response_input::ResponseInput;
pub use tokens::{TokenCount, TokensCount};
pub use tool::{Effort, NamedTool, Reasoning, ResponseFormat, Tool, ToolChoice, ToolMode};
