//! docs/hazards.md names tests that exist.

use std::path::Path;

/// What the document abbreviates.
const IT: &str = "crates/nexus-controller/tests/it/";

#[test]
fn every_test_that_the_hazard_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let table = std::fs::read_to_string(root.join("docs/hazards.md")).unwrap();
    let named: Vec<_> = table.split('`').filter_map(|word| word.split_once(".rs::")).collect();
    assert!(named.len() > 40, "only {} tests were found in the table", named.len());
    for (path, test) in named {
        let path = path.strip_prefix("it/").map_or(path.to_owned(), |file| format!("{IT}{file}"));
        let source = std::fs::read_to_string(root.join(format!("{path}.rs"))).unwrap_or_default();
        let declared = source.contains(&format!("fn {test}("));
        assert!(declared, "{path}.rs has no test {test}");
    }
}
