//! Questions to the person at the terminal.
//!
//! What was typed before a question was there is no answer to it, and what a plugin says of itself is shown without
//! anything that could move the cursor, hide, or turn the text around.

use std::io::IsTerminal as _;

use anyhow::Result;

/// A terminal with somebody at it: both ends of it, so that questions are seen and answers are typed.
pub(crate) struct Terminal(());

/// An answer longer than this is none.
#[cfg(unix)]
const LONGEST: usize = 1_024;

impl Terminal {
    /// The terminal that the program was started on; `None` where there is none, or its pending input
    /// cannot be thrown away.
    pub(crate) fn open() -> Option<Self> {
        let both = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        (both && cfg!(unix)).then_some(Self(()))
    }

    /// Asks, and takes the line that is typed from then on, without the space around it. The end of the input is
    /// an empty answer.
    pub(crate) fn ask(&self, question: &str) -> Result<String> {
        drain()?;
        crate::ui::err!("{question} ");
        read_line()
    }

    /// Asks for yes or no. Everything but `y` and `yes` is no.
    pub(crate) fn agrees(&self, question: &str) -> Result<bool> {
        let answer = self.ask(&format!("{question} [y/N]"))?;
        Ok(matches!(&*answer.to_ascii_lowercase(), "y" | "yes"))
    }

    /// Asks for a word. Everything but that word is no.
    pub(crate) fn types(&self, question: &str, word: &str) -> Result<bool> {
        Ok(self.ask(&format!("{question} Type `{word}` to grant it:"))? == word)
    }
}

/// Throws away what was typed and not read yet.
#[cfg(unix)]
fn drain() -> Result<()> {
    use anyhow::Context as _;
    let stdin = std::io::stdin();
    rustix::termios::tcflush(&stdin, rustix::termios::QueueSelector::IFlush)
        .context("cannot throw away what was typed before the question")
}

/// Byte by byte from the terminal itself: nothing is left over in a buffer for the next question.
#[cfg(unix)]
fn read_line() -> Result<String> {
    let stdin = std::io::stdin();
    let mut line = Vec::new();
    loop {
        let mut byte = [0];
        match rustix::io::read(&stdin, &mut byte) {
            Ok(0) => break,
            Ok(_) if byte == *b"\n" => break,
            Ok(_) => line.extend(byte),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    line.truncate(if line.len() > LONGEST { 0 } else { line.len() });
    Ok(String::from_utf8_lossy(&line).trim().to_owned())
}

#[cfg(not(unix))]
fn drain() -> Result<()> {
    anyhow::bail!("there is no terminal to ask on")
}

#[cfg(not(unix))]
fn read_line() -> Result<String> {
    anyhow::bail!("there is no terminal to ask on")
}
