//! `cargo xtask sample-data`: the histories in sample-data/, from where they come from, byte for byte the same each time.

pub(crate) mod flood;
mod post;

use crate::archive;
use crate::workspace::root;
use anyhow::{Context, Result, bail};

/// Make the archives in sample-data/ again
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only compare what would be made with what is there
    #[arg(long)]
    check: bool,
}

/// Makes both; `--check` fails where one differs.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    for name in ["page-cache-flood", "page-cache-post"] {
        let path = root().join(format!("sample-data/{name}/{name}.tar.xz"));
        let files = if name == "page-cache-post" {
            post::files()
        } else {
            flood::files()
        };
        let files = files.with_context(|| name.to_owned())?;
        if arguments.check {
            if archive::read(&path)? != archive::prefixed(name, &files) {
                bail!("sample-data/{name}/{name}.tar.xz is not what `cargo xtask sample-data` makes");
            }
            println!("sample-data/{name} is as it is made");
            continue;
        }
        let bytes = archive::write(&path, name, &files)?;
        let raw: usize = files.values().map(Vec::len).sum();
        println!("sample-data/{name}/{name}.tar.xz: {bytes} bytes, {raw} unpacked");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_post_is_as_it_is_made() {
        let path = root().join("sample-data/page-cache-post/page-cache-post.tar.xz");
        let there = archive::read(&path).unwrap();
        let made = archive::prefixed("page-cache-post", &post::files().unwrap());
        for (name, bytes) in &made {
            assert!(
                there.get(name) == Some(bytes),
                "{name} differs: run `cargo xtask sample-data`"
            );
        }
        assert_eq!(there.len(), made.len());
    }
}
