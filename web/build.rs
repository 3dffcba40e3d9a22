//! The page is built by npm, never from here. Where it has not been built yet, the binary still compiles, with a page that says so.

use std::path::Path;

fn main() {
    let dist = Path::new("ui/dist");
    println!("cargo:rerun-if-changed=ui/dist");
    if !dist.join("index.html").exists() {
        let page = "<!doctype html><html lang=\"en\"><title>highwater</title><body><h1>The page is not built</h1>\
                    <p>Run <code>cargo xtask run</code>, or <code>npm ci &amp;&amp; npm run build</code> in web/ui, and build again.\
                    The API works: <a href=\"/api/v1/node\">/api/v1/node</a>.</p></body></html>";
        std::fs::create_dir_all(dist).expect("ui/dist can be made");
        std::fs::write(dist.join("index.html"), page).expect("ui/dist can be written");
    }
}
