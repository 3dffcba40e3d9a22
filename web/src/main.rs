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
mod tls;
mod windows;

use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Serves the page and the API of one database, read-only.
///
/// By default only this machine can connect (from elsewhere: `ssh -L 7311:127.0.0.1:7311 NODE`). Any other address wants a token
/// or a certificate, better both. Programs send the token as `Authorization: Bearer TOKEN`; the page asks for it and keeps it
/// in its tab only.
#[derive(Parser)]
#[command(name = "web", version, about)]
struct Arguments {
    /// Database [default: $HIGHWATER_DB, else $STATE_DIRECTORY/highwater.db, else ~/.local/state/highwater/highwater.db]
    #[arg(long, value_name = "PATH")]
    db: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7311")]
    listen: SocketAddr,
    /// Token that questions must carry; better in the environment, where other users do not see it
    #[arg(long, value_name = "TOKEN", env = "HIGHWATER_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Certificate chain (PEM): connections are encrypted. A renewed one is taken without a restart
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let token = arguments.token.filter(|t| !t.is_empty());
    let tls = arguments.tls_cert.zip(arguments.tls_key);
    if !arguments.listen.ip().is_loopback() && token.is_none() && tls.is_none() {
        eprintln!(
            "web: {} can be reached from outside: give --token or $HIGHWATER_TOKEN, or --tls-cert and --tls-key",
            arguments.listen
        );
        return ExitCode::from(2);
    }
    let path = arguments.db.unwrap_or_else(store::default_path);
    let tls = tls
        .map(|(certificate, key)| tls::Tls::new(certificate, key))
        .transpose();
    match tls.and_then(|tls| server::run(path, arguments.listen, token, tls)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("web: {error:#}");
            ExitCode::FAILURE
        }
    }
}
