//! The contract of `ChallengeRepository`.
use super::at_once;
use crate::{START, StoreUnderTest, a_challenge, a_session, a_user, an_email, later};
use domain::{
    challenge::{Challenge, ChallengePurpose},
    otp::Otp,
    sealing::KeyedDigest,
};

async fn put(store: &StoreUnderTest, challenge: &Challenge) -> bool {
    store.challenges.put(challenge, START).await.expect("answers")
}

async fn tried(store: &StoreUnderTest, like: &Challenge) -> Option<Challenge> {
    store.challenges.begin_attempt(like.session, like.purpose).await.expect("answers")
}

async fn take(store: &StoreUnderTest, challenge: &Challenge) -> bool {
    store.challenges.take(challenge).await.expect("answers")
}

fn counted(challenge: &Challenge, attempts: u32) -> Challenge {
    Challenge { otp: Otp { attempts, ..challenge.otp.clone() }, ..challenge.clone() }
}

pub async fn a_challenge_is_tried_as_it_was_put(store: &StoreUnderTest) {
    let [ours, theirs] = [a_challenge(1), a_challenge(2)];
    assert_eq!(tried(store, &ours).await, None);
    assert!(put(store, &ours).await && put(store, &theirs).await);
    assert_eq!(tried(store, &ours).await, Some(counted(&ours, 1)));
    assert_eq!(tried(store, &ours).await, Some(counted(&ours, 2)));
    assert_eq!(tried(store, &theirs).await, Some(counted(&theirs, 1)));
}

pub async fn a_session_has_one_challenge_for_each_purpose(store: &StoreUnderTest) {
    let confirm = a_challenge(1);
    let new_email =
        Challenge { purpose: ChallengePurpose::NewEmail, email: an_email(9), ..a_challenge(1) };
    assert!(put(store, &confirm).await && put(store, &new_email).await);
    assert_eq!(tried(store, &confirm).await, Some(counted(&confirm, 1)));
    assert_eq!(tried(store, &new_email).await, Some(counted(&new_email, 1)));
}

pub async fn a_challenge_takes_the_place_of_an_older_one_alone(store: &StoreUnderTest) {
    let first = a_challenge(1);
    let second = Challenge {
        otp: Otp::sent(KeyedDigest::new(b"another".to_vec()), later(60)),
        ..first.clone()
    };
    assert!(put(store, &first).await);
    tried(store, &first).await;
    let too_soon = START - domain::TimeDelta::milliseconds(1);
    assert!(!store.challenges.put(&second, too_soon).await.expect("answers"));
    assert_eq!(tried(store, &first).await, Some(counted(&first, 2)));
    assert!(put(store, &second).await);
    assert_eq!(tried(store, &first).await, Some(counted(&second, 1)));
}

pub async fn of_challenges_that_race_one_is_put(store: &StoreUnderTest) {
    for sent_at in [60, 120] {
        let put = at_once(12, |n| {
            let challenges = store.challenges.clone();
            let digest = KeyedDigest::new(vec![u8::try_from(n).expect("small")]);
            let challenge = Challenge { otp: Otp::sent(digest, later(sent_at)), ..a_challenge(1) };
            async move { challenges.put(&challenge, later(sent_at - 60)).await.expect("answers") }
        });
        assert_eq!(put.await.into_iter().filter(|put| *put).count(), 1, "sent at {sent_at}");
    }
}

pub async fn every_try_of_a_challenge_sees_a_count_of_its_own(store: &StoreUnderTest) {
    assert!(put(store, &a_challenge(1)).await);
    let counts = at_once(16, |_| {
        let (challenges, Challenge { session, purpose, .. }) =
            (store.challenges.clone(), a_challenge(1));
        async move { challenges.begin_attempt(session, purpose).await.expect("answers") }
    });
    let mut counts: Vec<_> =
        counts.await.into_iter().map(|counted| counted.expect("is there").otp.attempts).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=16).collect::<Vec<_>>());
}

pub async fn of_takers_that_race_one_takes_the_challenge(store: &StoreUnderTest) {
    assert!(put(store, &a_challenge(1)).await);
    let taken = at_once(8, |_| {
        let challenges = store.challenges.clone();
        async move { challenges.take(&a_challenge(1)).await.expect("answers") }
    });
    assert_eq!(taken.await.into_iter().filter(|taken| *taken).count(), 1);
    assert_eq!(tried(store, &a_challenge(1)).await, None);
}

pub async fn a_challenge_with_another_code_is_not_taken(store: &StoreUnderTest) {
    let old = a_challenge(1);
    let new = Challenge {
        otp: Otp::sent(KeyedDigest::new(b"another".to_vec()), later(60)),
        ..old.clone()
    };
    assert!(put(store, &old).await && put(store, &new).await);
    assert!(!take(store, &old).await);
    assert!(take(store, &counted(&new, 3)).await, "however often it was tried");
}

pub async fn challenges_of_a_person_are_forgotten_together(store: &StoreUnderTest) {
    let elsewhere = Challenge { session: a_session(9, a_user(1).id).id, ..a_challenge(1) };
    for challenge in [&a_challenge(1), &elsewhere, &a_challenge(2)] {
        assert!(put(store, challenge).await);
    }
    store.challenges.remove_by_user(a_user(1).id).await.expect("answers");
    assert_eq!(tried(store, &a_challenge(1)).await, None);
    assert_eq!(tried(store, &elsewhere).await, None);
    assert!(tried(store, &a_challenge(2)).await.is_some());
}

pub async fn old_challenges_are_forgotten(store: &StoreUnderTest) {
    let sent = |n, seconds| Challenge {
        otp: Otp::sent(KeyedDigest::new(vec![1]), later(seconds)),
        ..a_challenge(n)
    };
    assert!(put(store, &sent(1, 9)).await && put(store, &sent(2, 10)).await);
    store.challenges.remove_sent_before(later(10)).await.expect("answers");
    assert_eq!(tried(store, &a_challenge(1)).await, None);
    assert!(tried(store, &a_challenge(2)).await.is_some());
}
