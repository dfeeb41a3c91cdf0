//! `wrk`, and what it prints.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

/// What a server is asked, and by how many at once.
pub(crate) struct Load {
    pub(crate) path: &'static str,
    /// A file of benches/http.
    pub(crate) body: &'static str,
    pub(crate) connections: u32,
}

/// What a load came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    /// Answers.
    pub(crate) requests: f64,
    /// Answers a second.
    pub(crate) rate: f64,
    /// Processor time of the server for an answer, in microseconds.
    pub(crate) cpu: f64,
    /// Half of the answers came sooner, in microseconds.
    pub(crate) median: f64,
}

/// What `wrk` says.
#[derive(Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) requests: f64,
    pub(crate) rate: f64,
    pub(crate) median: f64,
}

/// Asks as fast as the answers come, for so many seconds.
///
/// # Errors
///
/// `wrk` cannot run, or any answer was not what it should be.
pub(crate) fn wrk(
    sh: &Shell,
    folder: &Path,
    address: &str,
    load: &Load,
    seconds: u32,
) -> Result<Said> {
    let Load { path, body, connections } = load;
    let (script, body) = (folder.join("wrk.lua"), folder.join(body));
    let (connections, duration) = (connections.to_string(), format!("{seconds}s"));
    // wrk ends by itself; `timeout` is for the case that it does not.
    let limit = (seconds + 30).to_string();
    let text = cmd!(
        sh,
        "timeout {limit} wrk -t1 -c{connections} -d{duration} --latency -s {script} http://{address}{path} -- {body}"
    )
    .quiet()
    .read()
    .context("wrk failed")?;
    said(&text).with_context(|| format!("of wrk's output:\n{text}"))
}

fn said(text: &str) -> Result<Said> {
    for line in text.lines() {
        if line.contains("Non-2xx") || line.contains("Socket errors") {
            bail!("{}", line.trim());
        }
    }
    let number = |found: Option<&str>, what: &str| -> Result<f64> {
        let found = found.with_context(|| format!("no {what}"))?;
        found.parse().with_context(|| format!("{what}: found {found}"))
    };
    let line = |start: &str| text.lines().find_map(|line| line.trim().strip_prefix(start));
    let requests = text.lines().find_map(|line| line.split_once(" requests in "));
    Ok(Said {
        requests: number(requests.map(|(number, _)| number.trim()), "number of requests")?,
        rate: number(line("Requests/sec:").map(str::trim), "rate")?,
        median: micros(line("50%").map(str::trim).context("no median")?)?,
    })
}

/// `87.00us`, `1.20ms`, `2.00s`.
fn micros(text: &str) -> Result<f64> {
    let (number, factor) = [("us", 1.0), ("ms", 1e3), ("s", 1e6)]
        .into_iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))
        .with_context(|| format!("found {text}, wanted a time"))?;
    let number: f64 = number.parse().with_context(|| format!("found {text}, wanted a time"))?;
    Ok(number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 32 connections\n  \
        Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency   763.38us  223.83us   4.52ms   87.40%\n    \
        Req/Sec    42.03k     1.17k   43.64k    72.73%\n  Latency Distribution\n     50%  741.00us\n     75%    0.85ms\n  \
        45986 requests in 1.10s, 52.54MB read\nRequests/sec:  41803.93\nTransfer/sec:     47.76MB\n";

    #[test]
    fn what_wrk_says_is_read() {
        let wanted = Said { requests: 45986.0, rate: 41803.93, median: 741.0 };
        assert_eq!(said(TEXT).unwrap(), wanted);
        assert_eq!(micros("1.20ms").unwrap(), 1200.0);
        micros("1h").unwrap_err();
    }

    #[test]
    fn a_wrong_answer_is_no_measurement() {
        for more in ["  Non-2xx or 3xx responses: 5\n", "  Socket errors: connect 0, read 3\n"] {
            said(&format!("{TEXT}{more}")).unwrap_err();
        }
        said("").unwrap_err();
    }
}
