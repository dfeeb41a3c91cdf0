//! Attempts and their times, by a clock that nobody waits for.

use std::cell::RefCell;
use std::num::NonZeroU32;

use http::header::AUTHORIZATION;

use super::*;
use crate::provider::upstream::keys::Scheme;
use crate::provider::upstream::settings::UpstreamSettings;

fn status(status: u16, retry_after: Option<&str>) -> ProviderError {
    let headers = retry_after.map(|value| ("retry-after".to_owned(), value.to_owned()));
    let headers = headers.into_iter().collect();
    let error = UpstreamError { status, body: Default::default(), headers };
    ProviderError::Upstream { provider: "p".to_owned(), error }
}

fn no_connection() -> ProviderError {
    ProviderError::NoConnection { provider: "p".to_owned(), reason: "refused".to_owned() }
}

fn keys(number: usize) -> Keys {
    let settings = (0..number)
        .fold(UpstreamSettings::new("http://h"), |it, number| it.with_key(format!("{number}")));
    Keys::new(&settings, Scheme { header: AUTHORIZATION, prefix: "" }).unwrap()
}

fn settings(attempts: u32) -> RetrySettings {
    RetrySettings { attempts: NonZeroU32::new(attempts).unwrap(), base_ms: 100, max_ms: 1_000 }
}

/// How the attempts went: the key and the time in milliseconds of each, and the end.
struct Went {
    asked: Vec<(Option<usize>, u64)>,
    end: Result<(), ProviderError>,
}

/// Plays `failures` one after another, and then success.
async fn play(attempts: u32, keys: &Keys, failures: Vec<ProviderError>) -> Went {
    let start = Instant::now();
    let asked = RefCell::new(Vec::new());
    let failures = RefCell::new(failures.into_iter());
    let deadline = start + Duration::from_secs(3);
    let dice = Dice::seeded(3);
    let end = asking(&settings(attempts), keys, &dice, deadline, |key| {
        let at = u64::try_from(start.elapsed().as_millis()).unwrap();
        asked.borrow_mut().push((key, at));
        let failure = failures.borrow_mut().next();
        async move { failure.map_or(Ok(()), Err) }
    })
    .await;
    Went { asked: asked.into_inner(), end }
}

#[tokio::test(start_paused = true)]
async fn pauses_double_and_half_of_each_is_chance() {
    let failures = || vec![status(500, None), no_connection(), status(529, None)];
    let went = play(4, &keys(0), failures()).await;
    went.end.unwrap();
    let times: Vec<u64> = went.asked.iter().map(|(_, at)| *at).collect();
    let pauses: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (pause, longest) in pauses.iter().zip([100, 200, 400]) {
        assert!((longest / 2..=longest + 1).contains(pause), "{pauses:?}");
    }
    // One attempt too few.
    let went = play(3, &keys(0), failures()).await;
    assert_eq!(went.asked.len(), 3);
    assert!(matches!(went.end, Err(ProviderError::Upstream { error, .. }) if error.status == 529));
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_again_and_what_is_not() {
    for (code, again) in [
        (429, true),
        (500, true),
        (502, true),
        (503, true),
        (504, true),
        (529, true),
        (400, false),
        (401, false),
        (404, false),
        (501, false),
    ] {
        let went = play(2, &keys(0), vec![status(code, None)]).await;
        assert_eq!(went.end.is_ok(), again, "{code}");
    }
    let broken = ProviderError::Unreachable { provider: "p".into(), reason: "reset".into() };
    assert!(play(2, &keys(0), vec![broken]).await.end.is_err(), "it may have been done");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_up_to_the_longest_pause() {
    for (value, wanted) in [
        ("1", Some(1_000)),
        ("0", Some(0)),
        ("2", None),
        ("4000000000", None),
        ("Fri, 13 Feb 2009 23:31:30 GMT", Some(0)),
    ] {
        let went = play(2, &keys(1), vec![status(503, Some(value))]).await;
        match wanted {
            Some(wanted) => assert_eq!(went.asked[1].1, wanted, "{value}"),
            None => assert!(went.asked.len() == 1 && went.end.is_err(), "{value}"),
        }
    }
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_234_567_800);
    for (value, wanted) in [
        (" 7 ", Some(7)),
        ("Fri, 13 Feb 2009 23:31:30 GMT", Some(90)),
        ("Fri, 13 Feb 2009 23:29:59 GMT", Some(0)),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
    ] {
        assert_eq!(wait(value, now), wanted.map(Duration::from_secs), "{value}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_after_the_deadline() {
    // Three pauses of a second each; the deadline is after three.
    let failures = (0..9).map(|_| status(429, Some("1"))).collect();
    let went = play(9, &keys(0), failures).await;
    assert_eq!(went.asked.len(), 3);
    assert!(went.end.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_refused_gives_way_to_another_at_once() {
    for code in [401, 403, 429] {
        let keys = keys(3);
        // Even where nothing is asked again.
        let went = play(1, &keys, vec![status(code, None), status(code, None)]).await;
        went.end.unwrap();
        let mut used: Vec<_> = went.asked.iter().map(|(key, _)| key.unwrap()).collect();
        let good = used[2];
        assert!(went.asked.iter().all(|(_, at)| *at == 0), "{code}");
        used.sort_unstable();
        assert_eq!(used, [0, 1, 2], "{code}");
        // The next request does not try the others.
        let went = play(1, &keys, Vec::new()).await;
        assert_eq!(went.asked, [(Some(good), 0)], "{code}");
        tokio::time::advance(Duration::from_secs(60)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn when_no_key_is_left_the_last_error_counts() {
    let refused = || vec![status(401, None), status(401, None)];
    let went = play(5, &keys(2), refused()).await;
    assert_eq!(went.asked.len(), 2);
    assert!(went.end.is_err());
    // Limits pass, and are waited for.
    let went = play(2, &keys(2), vec![status(429, Some("1")), status(429, Some("1"))]).await;
    let times: Vec<u64> = went.asked.iter().map(|(_, at)| *at).collect();
    assert_eq!(times, [0, 0, 1_000]);
    went.end.unwrap();
}
