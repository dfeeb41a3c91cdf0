//! `conductor monitor`: what happens, as it happens.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anstyle::Style;
use anyhow::Result;
use clap::Args;
use plugbay_midi::control::Request;
use serde_json::Value;

use super::client::{Client, SocketOption};
use super::stats::{text, time};
use crate::exit::Outcome;
use crate::ui::{DIM, ERROR, GOOD, TITLE, WARN, outln, printable};

/// How often the status line is renewed while nothing happens.
const RENEWED: Duration = Duration::from_secs(1);

/// Show what a running conductor hears and does: events, actions, what plugins print, and how long their calls waited and took.
///
/// A line each, on a terminal with a line of status below them. It ends with conductor.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  conductor monitor\n  conductor monitor | grep done\n  conductor monitor --json | jq 'select(.kind == \"done\" and .ok == false)'\n\nExit codes: 0 conductor has ended; 1 it refused; 2 wrong usage, or no conductor to talk to."
)]
pub(super) struct Monitor {
    #[command(flatten)]
    socket: SocketOption,
    /// Print what happens as JSON documents, a line each
    #[arg(long)]
    json: bool,
}

impl Monitor {
    pub(super) fn run(self) -> Result<Outcome> {
        crate::ui::ends_with_its_reader();
        let mut events = self.socket.connect()?;
        if let Err(error) = events.ask(&Request::Events)? {
            return Ok(crate::ui::failure(&error));
        }
        if self.json {
            while let Some(line) = events.line()? {
                outln!("{line}");
            }
            return Ok(Outcome::Success);
        }
        let mut status = Status {
            socket: self.socket,
            on_terminal: std::io::stdout().is_terminal(),
            line: String::new(),
        };
        status.begin(&events);
        // Read beside, so that the status is renewed when nothing happens.
        let (tell, told) = channel();
        let reading = std::thread::spawn(move || -> Result<()> {
            while let Some(line) = events.line()? {
                if tell.send(line).is_err() {
                    break;
                }
            }
            Ok(())
        });
        loop {
            match told.recv_timeout(RENEWED) {
                Ok(line) => {
                    let event: Value = serde_json::from_str(&line).unwrap_or_default();
                    status.print(&shown(&event));
                    if matches!(event.get("kind").and_then(Value::as_str), Some("mode" | "reload"))
                    {
                        status.renew();
                    }
                }
                Err(RecvTimeoutError::Timeout) => status.renew(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        status.end();
        // It is about to end.
        match reading.join() {
            Ok(read) => read?,
            Err(_) => anyhow::bail!("the reader broke down"),
        }
        outln!("{DIM}conductor has ended{DIM:#}");
        Ok(Outcome::Success)
    }
}

/// The line of status: on a terminal always the last one, elsewhere the first.
struct Status {
    socket: SocketOption,
    on_terminal: bool,
    line: String,
}

impl Status {
    fn begin(&mut self, client: &Client) {
        outln!("{DIM}conductor at {}{DIM:#}", printable(&client.path().display().to_string()));
        self.line = self.ask();
        if self.on_terminal {
            self.draw();
        } else {
            outln!("{}", self.line);
        }
    }

    fn renew(&mut self) {
        if self.on_terminal {
            let line = self.ask();
            if line != self.line {
                self.line = line;
                self.draw();
            }
        }
    }

    fn print(&self, line: &str) {
        if self.on_terminal {
            outln!("\r\x1b[K{line}");
            self.draw();
        } else {
            outln!("{line}");
        }
    }

    fn end(&self) {
        if self.on_terminal {
            outln!("\r\x1b[K");
        }
    }

    /// In place of the last line of the terminal, and not longer than that.
    fn draw(&self) {
        let size = rustix::termios::tcgetwinsize(std::io::stdout());
        let width = size.map_or(80, |size| usize::from(size.ws_col)).max(2);
        let line: String = self.line.chars().take(width - 1).collect();
        let invert = Style::new().invert();
        let mut out = anstream::stdout().lock();
        // Where it cannot be drawn, the next line says so.
        let _: std::io::Result<()> =
            write!(out, "\r\x1b[K{invert}{line}{invert:#}").and_then(|()| out.flush());
    }

    fn ask(&self) -> String {
        let asked = self.socket.connect().and_then(|mut client| client.ask(&Request::Status));
        let Ok(Ok(status)) = asked else { return "conductor does not answer".to_owned() };
        let number = |key: &str| status.get(key).and_then(Value::as_u64).unwrap_or_default();
        let broken = match status.get("reload_error").and_then(Value::as_str) {
            Some(_) => " | the last reload changed nothing",
            None => "",
        };
        format!(
            "mode {} | events {} | actions {}, failed {}, dropped {} | keys down {}{broken}",
            text(&status, "mode"),
            number("events"),
            number("fired"),
            number("failed"),
            number("dropped"),
            number("held_keys")
        )
    }
}

/// One thing that happened, in one line.
fn shown(event: &Value) -> String {
    let number = |key: &str| event.get(key).and_then(Value::as_u64).unwrap_or_default();
    let (kind, style, what) = match event.get("kind").and_then(Value::as_str).unwrap_or_default() {
        "event" => ("event", DIM, text(event, "text")),
        "action" => {
            let (mode, trigger, target) =
                (text(event, "mode"), text(event, "trigger"), text(event, "target"));
            let (action, detail) = (text(event, "action"), text(event, "detail"));
            let line = number("line");
            (
                "action",
                TITLE,
                format!("{trigger} in {mode} (line {line}): {action} {target} {detail}"),
            )
        }
        "done" => {
            let who = ["plugin", "output", "program", "desktop"];
            let who = who.iter().map(|key| text(event, key)).find(|name| !name.is_empty());
            let ok = event.get("ok").and_then(Value::as_bool).unwrap_or_default();
            let waited =
                event.get("waited_us").map(|waited| format!("waited {}, ", time(Some(waited))));
            let times =
                format!("{}took {}", waited.unwrap_or_default(), time(event.get("took_us")));
            let (who, line) = (who.unwrap_or_default(), number("line"));
            if ok {
                ("done", GOOD, format!("{who} (line {line}): {times}"))
            } else {
                ("failed", ERROR, format!("{who} (line {line}): {times}: {}", text(event, "error")))
            }
        }
        "output" => {
            ("output", Style::new(), format!("[{}] {}", text(event, "plugin"), text(event, "text")))
        }
        "mode" => ("mode", TITLE, text(event, "mode")),
        "notice" => ("notice", WARN, text(event, "text")),
        "reload" => {
            let ok = event.get("ok").and_then(Value::as_bool).unwrap_or_default();
            ("reload", if ok { GOOD } else { ERROR }, text(event, "text"))
        }
        "lost" => ("lost", WARN, format!("{} lines came too fast", number("lines"))),
        other => ("?", WARN, printable(other)),
    };
    format!("{DIM}{}{DIM:#} {style}{kind:<7}{style:#} {what}", clock(event))
}

/// The time of day at which it happened.
fn clock(event: &Value) -> String {
    let ms = event.get("time_ms").and_then(Value::as_i64);
    let Some(time) = ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()) else {
        return " ".repeat("00:00:00.000".len());
    };
    time.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S%.3f").to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_happens_is_a_line_without_anything_that_moves_the_cursor() {
        for (event, wanted) in [
            (json!({ "kind": "event", "text": "note on" }), "event   note on"),
            (
                json!({ "kind": "action", "line": 5, "mode": "Stage", "trigger": "Note", "action": "WasmPlugin", "target": "a", "detail": "{}" }),
                "action  Note in Stage (line 5): WasmPlugin a {}",
            ),
            (
                json!({ "kind": "done", "plugin": "a", "line": 5, "ok": true, "waited_us": 90, "took_us": 1_500 }),
                "done    a (line 5): waited 90 µs, took 1.5 ms",
            ),
            (
                json!({ "kind": "done", "output": "Synth", "line": 5, "ok": false, "took_us": 1, "error": "gone" }),
                "failed  Synth (line 5): took 1 µs: gone",
            ),
            (
                json!({ "kind": "output", "plugin": "a", "text": "x\u{1b}[2J\ny" }),
                "output  [a] x\u{fffd}[2J\u{fffd}y",
            ),
            (json!({ "kind": "lost", "lines": 7 }), "lost    7 lines came too fast"),
            (json!({}), "?       "),
        ] {
            let line = anstream::adapter::strip_str(&shown(&event)).to_string();
            assert_eq!(line.get(13..), Some(wanted), "{line:?}");
        }
    }
}
