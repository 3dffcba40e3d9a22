//! `web`: the page on which an incident is understood, and the JSON that it is made from.

mod answer;
mod assets;
mod csv;
mod database;
mod explanations;
mod guard;
mod incidents;
mod listen;
mod live;
mod openapi;
mod patience;
mod problem;
mod processes;
mod query;
mod records;
mod series;
mod server;
mod windows;

use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Serves the page and the API of one database, read-only.
///
/// By default only this machine can connect. Any other address wants a token, which each request then carries as
/// `Authorization: Bearer TOKEN`: that is for programs. A browser cannot send it, so for the page use a tunnel to this machine
/// (`ssh -L 7311:127.0.0.1:7311 NODE`).
#[derive(Parser)]
#[command(name = "web", version, about)]
struct Arguments {
    /// Database [default: $HIGHWATER_DB, else $STATE_DIRECTORY/highwater.db, else ~/.local/state/highwater/highwater.db]
    #[arg(long, value_name = "PATH")]
    db: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7311")]
    listen: SocketAddr,
    /// Token that requests must carry
    #[arg(long, value_name = "TOKEN", env = "HIGHWATER_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let token = arguments.token.filter(|t| !t.is_empty());
    if !arguments.listen.ip().is_loopback() && token.is_none() {
        eprintln!(
            "web: {} can be reached from outside: give --token or $HIGHWATER_TOKEN",
            arguments.listen
        );
        return ExitCode::from(2);
    }
    let path = arguments.db.unwrap_or_else(store::default_path);
    match server::run(path, arguments.listen, token) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("web: {error:#}");
            ExitCode::FAILURE
        }
    }
}
