//! The `Allow` header that a 405 must carry (RFC 9110 §15.5.6), read from the API's own description.
use serde_json::Value;

/// Which methods each address of the API knows.
pub struct AllowedMethods(Vec<Operation>);

struct Operation {
    /// `None` stands for a parameter.
    segments: Vec<Option<String>>,
    methods: String,
}

impl AllowedMethods {
    /// From an OpenAPI document whose paths lie below `prefix`.
    pub fn of(document: &str, prefix: &str) -> Self {
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let paths = document["paths"].as_object().cloned().unwrap_or_default();
        Self(
            paths
                .iter()
                .map(|(path, item)| Operation::of(&format!("{prefix}{path}"), item))
                .collect(),
        )
    }

    /// What an address allows; everything outside of the API is there to be read.
    pub fn at(&self, path: &str) -> &str {
        let found = self.0.iter().find(|operation| operation.matches(path));
        found.map_or("GET, HEAD", |operation| &operation.methods)
    }
}

impl Operation {
    fn of(path: &str, item: &Value) -> Self {
        let parameter = |segment: &str| segment.starts_with('{');
        let segments =
            path.split('/').map(|segment| (!parameter(segment)).then(|| segment.to_owned()));
        let mut methods: Vec<String> = item
            .as_object()
            .into_iter()
            .flat_map(|item| item.keys())
            .map(|method| method.to_uppercase())
            .collect();
        if methods.iter().any(|method| method == "GET") {
            methods.push("HEAD".to_owned());
        }
        methods.sort_unstable();
        Self { segments: segments.collect(), methods: methods.join(", ") }
    }

    fn matches(&self, path: &str) -> bool {
        let given = path.split('/');
        given.clone().count() == self.segments.len()
            && given
                .zip(&self.segments)
                .all(|(given, known)| known.as_deref().is_none_or(|known| known == given))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_names_its_methods() {
        let document = r#"{"paths":{"/me":{"get":{},"patch":{}},"/rooms/{room}/read":{"put":{}}}}"#;
        let allowed = AllowedMethods::of(document, "/api");
        assert_eq!(allowed.at("/api/me"), "GET, HEAD, PATCH");
        assert_eq!(allowed.at("/api/rooms/x/read"), "PUT");
        assert_eq!(allowed.at("/login/"), "GET, HEAD");
    }
}
