//! The table's place in `docs/interop.md`.

use std::{fs, path::Path};

use anyhow::Context as _;

use crate::report::Report;

const BEGIN: &str = "<!-- table: written by `just interop --write-docs` -->\n";
const END: &str = "<!-- end of table -->";

/// Replaces what stands between the markers.
pub(crate) fn write(page: &Path, report: &Report) -> anyhow::Result<()> {
    let text = fs::read_to_string(page).with_context(|| format!("reading {}", page.display()))?;
    let content = format!("\n{}\n{}\n**{}**\n\n", report.promises(), report.table(), report.closing_line());
    let text =
        replaced(&text, &content).with_context(|| format!("{} has lost its markers", page.display()))?;
    fs::write(page, text).with_context(|| format!("writing {}", page.display()))
}

fn replaced(text: &str, content: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{content}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{component::Components, rows, stage::Layout};

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let page = format!("# Title\n{BEGIN}old\n{END}\nmore\n");
        let expected = format!("# Title\n{BEGIN}new\n{END}\nmore\n");
        assert_eq!(replaced(&page, "new\n"), Some(expected));
        assert_eq!(replaced("# Title\n", "new\n"), None);
    }

    #[test]
    fn the_page_is_of_the_rows_and_peers_that_there_are() {
        let layout = Layout::find().unwrap();
        let text = fs::read_to_string(&layout.docs_page).unwrap();
        let components = Components::read(&layout.fixtures.join("interop")).unwrap();
        for row in rows::all() {
            let promise = format!("* `{}`: {}\n", row.name(), row.promise());
            assert!(text.contains(&promise), "run `just interop --write-docs`: {promise}");
            for name in row.components() {
                for peer in &components.get(name).unwrap().peers {
                    assert!(text.contains(peer.as_str()), "run `just interop --write-docs`: {peer}");
                }
            }
        }
    }

    #[test]
    fn the_page_has_its_markers() {
        let text = fs::read_to_string(Layout::find().unwrap().docs_page).unwrap();
        assert!(replaced(&text, "").is_some());
    }
}
