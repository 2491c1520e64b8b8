use serde_json::{Value, json};
pub fn document() -> Value {
    json!({})
}
