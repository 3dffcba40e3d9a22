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
mod quick;
mod records;
mod series;
mod server;
mod tls;
mod windows;

use clap::{CommandFactory, Parser};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use store::{Configuration, Setting};

/// Serves the page and the API of one database, read-only.
///
/// By default only this machine can connect (from elsewhere: `ssh -L 7311:127.0.0.1:7311 NODE`). Any other address wants a token
/// or a certificate, better both. Programs send the token as `Authorization: Bearer TOKEN`; the page asks for it and keeps it
/// in its tab only.
#[derive(Parser)]
#[command(name = "web", version, about)]
struct Arguments {
    /// Configuration file, whose section [web] may say `listen` and `token` [default: $HIGHWATER_CONFIG, else
    /// /etc/highwater/highwater.toml if it is there]
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Database [default: $HIGHWATER_DB, else `db` in the configuration file, else $STATE_DIRECTORY/highwater.db, else
    /// ~/.local/state/highwater/highwater.db]
    #[arg(long, value_name = "PATH")]
    db: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1:7311]
    #[arg(long, value_name = "ADDRESS:PORT", env = "HIGHWATER_LISTEN")]
    listen: Option<SocketAddr>,
    /// Token that questions must carry; better in the environment, where other users do not see it
    #[arg(long, value_name = "TOKEN", env = "HIGHWATER_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Certificate chain (PEM): connections are encrypted. A renewed one is taken without a restart
    #[arg(long, value_name = "FILE", env = "HIGHWATER_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", env = "HIGHWATER_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Print completions for a shell and end
    #[arg(long, value_name = "SHELL", exclusive = true)]
    completions: Option<clap_complete::Shell>,
    /// Write the manual page into a folder and end
    #[arg(long, value_name = "FOLDER", exclusive = true, hide = true)]
    man: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(shell) = arguments.completions {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "web", &mut script);
        // A reader that has gone is no failure of ours.
        let _ = std::io::stdout().write_all(&script);
        return ExitCode::SUCCESS;
    }
    if let Some(folder) = &arguments.man {
        return end(clap_mangen::generate_to(Arguments::command(), folder).map_err(Into::into));
    }
    let Settings {
        db,
        listen,
        token,
        tls,
    } = match settings(arguments) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("web: {error:#}");
            return ExitCode::from(2);
        }
    };
    if !listen.ip().is_loopback() && token.is_none() && tls.is_none() {
        eprintln!(
            "web: {listen} can be reached from outside: give --token or $HIGHWATER_TOKEN, or --tls-cert and --tls-key"
        );
        return ExitCode::from(2);
    }
    let tls = tls
        .map(|(certificate, key)| tls::Tls::new(certificate, key))
        .transpose();
    end(tls.and_then(|tls| server::run(db, listen, token, tls)))
}

fn end(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("web: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What to serve, where, to whom.
struct Settings {
    db: PathBuf,
    listen: SocketAddr,
    token: Option<String>,
    /// Certificate chain and private key.
    tls: Option<(PathBuf, PathBuf)>,
}

/// What the command line and the environment leave open is the configuration file's to say.
fn settings(arguments: Arguments) -> anyhow::Result<Settings> {
    let file = match &arguments.config {
        Some(path) => Configuration::read(path)?,
        None => Configuration::load()?,
    };
    let (mut listen, mut token) = (arguments.listen, arguments.token);
    let (mut tls_cert, mut tls_key) = (arguments.tls_cert, arguments.tls_key);
    for entry in file.of("web") {
        let Setting::Text(text) = &entry.setting else {
            return Err(file.wrong(entry, "expected text").into());
        };
        match entry.key.as_str() {
            "db" => {}
            "listen" => {
                let address = text.parse().map_err(|_| {
                    let why = format!("{text:?}: expected an address and a port, as in 127.0.0.1:7311");
                    file.wrong(entry, &why)
                })?;
                listen = listen.or(Some(address));
            }
            "token" => token = token.or(Some(text.clone())),
            "tls_cert" => tls_cert = tls_cert.or(Some(text.into())),
            "tls_key" => tls_key = tls_key.or(Some(text.into())),
            _ => {
                return Err(file
                    .wrong(entry, "unknown key; there are listen, token, tls_cert, tls_key")
                    .into());
            }
        }
    }
    let said = |path: Option<PathBuf>| path.filter(|p| !p.as_os_str().is_empty());
    let tls = match (said(tls_cert), said(tls_key)) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some((certificate, key)),
        _ => anyhow::bail!("tls_cert and tls_key belong together: only one of them is set"),
    };
    let named = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let db = match arguments.db.or_else(|| named("HIGHWATER_DB").map(PathBuf::from)) {
        Some(path) => path,
        None => file.database()?.map_or_else(store::default_path, Ok)?,
    };
    Ok(Settings {
        db,
        listen: listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 7311))),
        token: token.filter(|token| !token.is_empty()),
        tls,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Address and token by command line and file.
    fn told(words: &[&str], text: &str) -> String {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("h.toml");
        std::fs::write(&path, text).unwrap();
        let all = ["web", "--config", path.to_str().unwrap()];
        let arguments = Arguments::parse_from(all.iter().chain(words));
        match settings(arguments) {
            Ok(Settings {
                db, listen, token, ..
            }) => format!("{} {listen} {token:?}", db.display()),
            Err(error) => error
                .to_string()
                .replace(&format!("{}/", folder.path().display()), ""),
        }
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let text = "db = \"/x\"\n[web]\nlisten = \"127.0.0.1:99\"\ntoken = \"t\"\n";
        assert_eq!(told(&[], text), "/x 127.0.0.1:99 Some(\"t\")");
        let words = ["--db", "/y", "--listen", "127.0.0.1:98", "--token", "u"];
        assert_eq!(told(&words, text), "/y 127.0.0.1:98 Some(\"u\")");
        assert_eq!(
            told(&["--db", "/y"], "[web]\ntoken = \"\"\n"),
            "/y 127.0.0.1:7311 None"
        );
    }

    #[test]
    fn the_packaged_file_is_taken_as_it_stands_and_with_every_key_uncommented() {
        let text = include_str!("../../packaging/highwater.toml");
        let packaged = "/var/lib/highwater/highwater.db 127.0.0.1:7311 None";
        assert_eq!(told(&[], text), packaged);
        assert_eq!(
            told(
                &[],
                &text
                    .replace("\n#listen", "\nlisten")
                    .replace("\n#token", "\ntoken")
            ),
            packaged
        );
    }

    #[test]
    fn what_is_wrong_has_a_line() {
        assert_eq!(
            told(&[], "[web]\nlisten = \"here\"\n"),
            "h.toml:2: listen: \"here\": expected an address and a port, as in 127.0.0.1:7311"
        );
        assert_eq!(
            told(&[], "[web]\n\ntoken = true\n"),
            "h.toml:3: token: expected text"
        );
        assert_eq!(
            told(&[], "[web]\nport = 80\n"),
            "h.toml:2: port: unknown key; there are listen, token, tls_cert, tls_key"
        );
    }
}
