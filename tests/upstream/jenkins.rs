//! The description of Jenkins, which somebody else wrote, once and long ago: with what it lacks, and why that is no fault.
//!
//! Invariant: what is added to it is named here, is not in it, and is needed by a golden request.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::specs;

const FILE: &str = "jenkins.openapi.yml";

/// An operation that it lacks.
pub struct Lacking {
    pub method: &'static str,
    pub path: &'static str,
    pub query: &'static [&'static str],
    /// The form of its body, where it has one.
    pub body: Option<&'static str>,
    pub why: &'static str,
}

/// The operations that it lacks.
pub const OPERATIONS: &[Lacking] = &[
    Lacking {
        method: "get",
        path: "/job/{name}/{number}/api/json",
        query: &["tree"],
        body: None,
        why: "of builds it knows the last one only",
    },
    Lacking {
        method: "get",
        path: "/job/{name}/{number}/wfapi/describe",
        query: &[],
        body: None,
        why: "it knows no plugins, and this is the stage view's",
    },
    Lacking {
        method: "get",
        path: "/job/{name}/wfapi/runs",
        query: &["since"],
        body: None,
        why: "it knows no plugins, and this is the stage view's",
    },
    Lacking {
        method: "get",
        path: "/job/{name}/{number}/wfapi/pendingInputActions",
        query: &[],
        body: None,
        why: "it knows no plugins, and this is the stage view's",
    },
    Lacking {
        method: "post",
        path: "/job/{name}/{number}/wfapi/inputSubmit",
        query: &["inputId"],
        body: Some("application/x-www-form-urlencoded"),
        why: "it knows no plugins, and this is the stage view's",
    },
    Lacking {
        method: "post",
        path: "/job/{name}/{number}/input/{id}/proceedEmpty",
        query: &[],
        body: None,
        why: "it knows no plugins, and this is that of inputs",
    },
    Lacking {
        method: "get",
        path: "/job/{name}/{number}/consoleText",
        query: &[],
        body: None,
        why: "of logs it knows the text that grows only",
    },
    Lacking {
        method: "get",
        path: "/job/{name}/{number}/artifact/{path}",
        query: &[],
        body: None,
        why: "it knows no artifacts",
    },
    Lacking {
        method: "post",
        path: "/job/{name}/buildWithParameters",
        query: &["delay"],
        body: Some("application/x-www-form-urlencoded"),
        why: "it knows builds without parameters only",
    },
    Lacking {
        method: "post",
        path: "/job/{name}/{number}/stop",
        query: &[],
        body: None,
        why: "it stops the last build only",
    },
    Lacking {
        method: "post",
        path: "/job/{name}/{number}/kill",
        query: &[],
        body: None,
        why: "it stops the last build only, and gently",
    },
    Lacking {
        method: "post",
        path: "/job/{name}/{number}/doDelete",
        query: &[],
        body: None,
        why: "it deletes whole jobs only",
    },
    Lacking {
        method: "post",
        path: "/queue/cancelItem",
        query: &["id"],
        body: None,
        why: "it reads the queue only",
    },
];

/// Query parameters that its operations lack: the method, the path and the name.
pub const PARAMETERS: &[(&str, &str, &str, &str)] = &[
    ("get", "/api/json", "tree", TREE),
    ("get", "/job/{name}/api/json", "tree", TREE),
    ("get", "/queue/api/json", "tree", TREE),
    ("get", "/queue/item/{number}/api/json", "tree", TREE),
    (
        "post",
        "/job/{name}/build",
        "delay",
        "every order of a build takes it, and it describes none that does",
    ),
];
const TREE: &str = "every address of Jenkins' API takes it, and it describes none that does";

/// Query parameters that it takes for required and Jenkins does not.
pub const NOT_REQUIRED: &[(&str, &str, &str, &str)] = &[(
    "post",
    "/job/{name}/build",
    "json",
    "a browser's form sends it; without one a build has no parameters",
)];

/// The description with what it lacks.
pub fn description(folder: &Path) -> Value {
    let mut spec = specs::read(folder, FILE);
    for lacking in OPERATIONS {
        let item = &mut spec["paths"][lacking.path];
        assert!(item.get(lacking.method).is_none(), "{} is described", lacking.path);
        item[lacking.method] = made(lacking);
    }
    for (method, path, name, _) in PARAMETERS {
        assert_eq!(
            parameter(&mut spec, method, path, name),
            None,
            "{path} {name} is described"
        );
        let operation = &mut spec["paths"][path][method];
        assert!(operation.is_object(), "{path} is not described");
        match operation["parameters"].as_array_mut() {
            Some(parameters) => parameters.push(in_query(name)),
            None => operation["parameters"] = json!([in_query(name)]),
        }
    }
    for (method, path, name, _) in NOT_REQUIRED {
        let parameter = parameter(&mut spec, method, path, name).expect("a parameter");
        assert_eq!(parameter["required"].take(), true, "{path} {name}");
        parameter["required"] = false.into();
    }
    spec
}

fn made(lacking: &Lacking) -> Value {
    let in_path = lacking
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path =
        in_path.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    let parameters: Vec<Value> = in_path.chain(lacking.query.iter().map(|name| in_query(name))).collect();
    let mut made = json!({"parameters": parameters, "responses": {"200": {"description": lacking.why}},
        "security": [{"jenkins_auth": []}]});
    if let Some(form) = lacking.body {
        made["requestBody"] =
            json!({"content": Map::from_iter([(form.to_owned(), json!({"schema": {"type": "object"}}))])});
    }
    made
}

fn in_query(name: &str) -> Value {
    json!({"name": name, "in": "query", "required": false, "schema": {"type": "string"}})
}

fn parameter<'s>(spec: &'s mut Value, method: &str, path: &str, name: &str) -> Option<&'s mut Value> {
    let parameters = spec["paths"][path][method]["parameters"].as_array_mut()?;
    parameters
        .iter_mut()
        .find(|parameter| parameter["in"] == "query" && parameter["name"] == name)
}

/// The path, with the name of a job in folders as one part, as it is described.
pub fn of_one_job(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let mut jobs = 0;
    while parts.get(1 + 2 * jobs) == Some(&"job") && parts.len() > 2 + 2 * jobs {
        jobs += 1;
    }
    if jobs < 2 {
        return path.to_owned();
    }
    let (name, rest) = parts[2..].split_at(2 * jobs - 1);
    let name = name.join("%2F");
    [&["", "job", name.as_str()], rest].concat().join("/")
}
