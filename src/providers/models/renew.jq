# The rows of table.toml, made from the price table of PyPI's package `litellm`: what this file does not keep is not known.
#
#     pip download --no-deps litellm==VERSION && unzip -p litellm-*.whl litellm/model_prices_and_context_window_backup.json \
#       | jq -r -f src/providers/models/renew.jq
#
# They replace what stands in table.toml below its [source], which names the version; tests/models.rs holds both together.

# Whose lists are kept, and what they are called here.
def kept: {
  "openai": "openai", "text-completion-openai": "openai", "anthropic": "anthropic", "azure": "azure", "groq": "groq",
  "mistral": "mistral", "deepseek": "deepseek", "together_ai": "together", "xai": "xai", "gemini": "gemini"
};

# What a model is for, as it is called here.
def work: {
  "chat": "chat", "responses": "chat", "completion": "completion", "embedding": "embedding", "moderation": "moderation"
};

# US dollars per million tokens, without the dust of binary fractions.
def million: . * 1e12 | round / 1e6;

def prices($model; $suffix):
  def at($key): $model[$key + $suffix] | numbers | million;
  [ ["input", ([at("input_cost_per_token")] | first)],
    ["output", ([at("output_cost_per_token")] | first)],
    ["cached", ([at("cache_read_input_token_cost")] | first)],
    ["cache_write", ([at("cache_creation_input_token_cost")] | first)],
    ["cache_write_hour", ([at("cache_creation_input_token_cost_above_1hr")] | first)],
    ["reasoning", ([at("output_cost_per_reasoning_token")] | first)] ]
  | map(select(.[1] != null) | "\(.[0]) = \(.[1])") | join(", ");

# The prices of a whole request above so many tokens, the fewest first.
def above($model; $suffix):
  [ $model | keys[] | capture("^input_cost_per_token_above_(?<k>[0-9]+)k_tokens" + $suffix + "$") | .k | tonumber ] | sort
  | map("{ tokens = \(. * 1000), \(prices($model; "_above_\(.)k_tokens" + $suffix)) }") | join(", ");

def tier($model; $name; $suffix):
  prices($model; $suffix) as $plain | above($model; $suffix) as $above
  | if $plain == "" then empty
    else "\($name) = { \($plain)\(if $above == "" then "" else ", above = [\($above)]" end) }" end;

def tiers($model):
  [ tier($model; "standard"; ""), tier($model; "batch"; "_batches"), tier($model; "flex"; "_flex"),
    tier($model; "priority"; "_priority") ] | join(", ");

def abilities: [
  ["supports_function_calling", "tools"], ["supports_parallel_function_calling", "parallel_tools"],
  ["supports_response_schema", "schema"], ["supports_reasoning", "reasoning"], ["supports_vision", "images"],
  ["supports_pdf_input", "pdf"], ["supports_audio_input", "audio"], ["supports_prompt_caching", "caching"],
  ["supports_web_search", "web_search"], ["supports_computer_use", "computer_use"]
];

def able($model): [abilities[] | select($model[.[0]] == true) | "\"\(.[1])\""] | join(", ");

def row($name):
  . as $model
  | [ "work = \"\(work[.mode])\"",
      (.max_input_tokens | numbers | select(. >= 1) | "max_input_tokens = \(floor)"),
      (.max_output_tokens | numbers | select(. >= 1) | "max_output_tokens = \(floor)"),
      (tiers($model) | select(. != "") | "usd_per_million = { \(.) }"),
      (able($model) | select(. != "") | "abilities = [\(.)]"),
      (.deprecation_date | strings | select(test("^[0-9]{4}-[0-9]{2}-[0-9]{2}$")) | "deprecated_on = \"\(.)\""),
      (.successor_model | strings | "successor = \"\(split("/") | last)\"") ]
  | "\($name | @json) = { \(join(", ")) }";

[ to_entries[] | select(.value | type == "object")
  | .value as $model | kept[$model.litellm_provider // ""] as $list
  | select($list != null and work[$model.mode // ""] != null)
  # Of some only the price of a session is told.
  | select($model.input_cost_per_token != null or $model.max_input_tokens != null)
  | .key as $key
  | { list: $list, name: ($key | ltrimstr($model.litellm_provider + "/")), own: ($key | startswith($model.litellm_provider + "/")), model: $model } ]
| group_by(.list)[]
# A name that stands there twice is the one with its list's name in front.
| "\n[\(.[0].list)]", (group_by(.name)[] | (map(select(.own)) + .)[0] | .name as $name | .model | row($name))
