//! `openapi.json`: what can be asked, for programs.

use crate::answer::{Answer, Keep};
use crate::problem::Problem;
use crate::query::Params;

/// Kept beside this file; a test holds it against the routes.
const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /api/v1/openapi.json`
pub(crate) async fn document(params: Params) -> Result<Answer, Problem> {
    params.only(&[])?;
    Ok(Answer::bytes(DOCUMENT, "application/json", Keep::Past))
}

#[cfg(test)]
mod tests {
    use super::DOCUMENT;

    /// Every route of the router is described, and nothing else.
    #[test]
    fn it_describes_the_routes() {
        let document: serde_json::Value = serde_json::from_str(DOCUMENT).unwrap();
        let mut described: Vec<String> = document["paths"].as_object().unwrap().keys().cloned().collect();
        let source = include_str!("server.rs");
        let mut routed: Vec<String> = source
            .split("\"/api/v1/")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap_or(""))
            .map(|path| format!("/api/v1/{}", path.replace("{*", "{")))
            .collect();
        described.sort();
        routed.sort();
        assert_eq!(described, routed);
    }
}
