//! Redacts words in streamed answers, also where chunks cut them in two.

use plugbay_guest::hooks::{Chunk, StreamAction, StreamChunkHook};

#[derive(serde::Deserialize)]
struct Redact {
    words: Vec<String>,
}

#[plugbay_guest::hooks]
impl Redact {
    fn init(config: Redact) -> Redact {
        config
    }

    fn http_stream_chunk_hook<'a>(&self, call: &mut StreamChunkHook<'a>) -> StreamAction<'a> {
        let come = call.chunk.texts().concat();
        let waiting: String = call.held.iter().flat_map(Chunk::texts).collect();
        let all = waiting + &come;
        if come.is_empty() {
            // Tokens used, a reason to finish, or the stream's end: no word goes on behind it.
            let mut send = std::mem::take(&mut call.held);
            send.iter_mut().for_each(|chunk| with_text(chunk, &self.redacted(&all)));
            if !call.is_flush() {
                send.push(call.chunk.clone());
            }
            return StreamAction::Send(send);
        }
        // A word that the chunk ends in may go on in the next: it waits.
        let whole = all.trim_end_matches(|c: char| !c.is_whitespace()).len();
        let (done, open) = all.split_at(whole);
        let (mut send, mut keep) = (call.chunk.clone(), call.chunk.clone());
        with_text(&mut send, &self.redacted(done));
        with_text(&mut keep, open);
        StreamAction::Split {
            send: if done.is_empty() { vec![] } else { vec![send] },
            keep: if open.is_empty() { vec![] } else { vec![keep] },
        }
    }
}

impl Redact {
    fn redacted(&self, text: &str) -> String {
        let mut redacted = String::new();
        for piece in text.split_inclusive(char::is_whitespace) {
            let word = piece.trim_matches(|c: char| !c.is_alphanumeric());
            let is_secret = self.words.iter().any(|secret| secret.eq_ignore_ascii_case(word));
            match is_secret && !word.is_empty() {
                true => redacted.push_str(&piece.replace(word, "[redacted]")),
                false => redacted.push_str(piece),
            }
        }
        redacted
    }
}

/// Puts a text in the place of the chunk's. Of a stream with several choices each would get all of it.
fn with_text(chunk: &mut Chunk, text: &str) {
    chunk.replace_texts(|_| Some(text.to_owned()));
}
