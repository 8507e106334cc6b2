use crate::world::{FROM, World, a_browser, limits_but};
use application::{
    accounts::{
        Begun, ConfirmError, OpenedSession, OwnSecondFactorError, PasskeyError, Passkeys, Proof,
        SignInByPasskey, SignInError, SignedIn,
    },
    ports::{
        BegunCeremony, Mail, MockPasskeyVerifier, NewCredential, PasskeyRefused, PasskeyVerifier,
        SecondFactorNews,
    },
};
use domain::{
    ceremony::Ceremony,
    passkey::{Passkey, PasskeyName},
    second_factor::FactorKind,
    token::FlowToken,
};
use std::sync::Arc;
use testkit::{a_passkey, a_user, an_email};

/// Takes the answers `made <id>` and `used <credential id>`, each for its own challenge alone.
fn verifier() -> Arc<dyn PasskeyVerifier> {
    let mut verifier = MockPasskeyVerifier::new();
    let begun = |state: &[u8]| BegunCeremony { options: "{}".to_owned(), state: state.to_vec() };
    verifier.expect_begin_registration().returning(move |_, _| Ok(begun(b"make")));
    verifier.expect_finish_registration().returning(|state, answer| {
        let id = answer.strip_prefix("made ").filter(|_| state == b"make").ok_or(PasskeyRefused)?;
        Ok(NewCredential { id: id.as_bytes().to_vec(), credential: b"new".to_vec() })
    });
    verifier
        .expect_begin_sign_in()
        .returning(move |known| Ok(begun(format!("use one of {}", known.len()).as_bytes())));
    verifier
        .expect_find_claimed()
        .returning(|answer| answer.starts_with("used credential 1").then(|| a_user(1).id));
    verifier.expect_finish_sign_in().returning(|state, answer, known| {
        let id = answer.strip_prefix("used ").filter(|_| state.starts_with(b"use one of"));
        let id = id.ok_or(PasskeyRefused)?.as_bytes();
        let used = known.iter().find(|passkey| passkey.credential_id == id);
        let used = used.cloned().ok_or(PasskeyRefused)?;
        Ok(Passkey { credential: b"counted".to_vec(), ..used })
    });
    Arc::new(verifier)
}

fn password() -> Proof {
    Proof::Password("password 1".to_owned())
}

fn a_name() -> PasskeyName {
    PasskeyName::parse("Phone").expect("a name")
}

async fn begun(w: &World, me: SignedIn) -> FlowToken {
    w.passkeys(Some(verifier())).begin(me, FROM, &password()).await.expect("begins").ceremony
}

async fn finish(
    w: &World,
    me: SignedIn,
    ceremony: &FlowToken,
    answer: &str,
) -> Result<Passkey, PasskeyError> {
    w.passkeys(Some(verifier())).finish(me, FROM, ceremony, a_name(), answer).await
}

async fn sign_in(w: &World, answer: &str) -> Result<OpenedSession, PasskeyError> {
    let sign_in = w.sign_in_by_passkey(Some(verifier()));
    let Begun { ceremony, .. } = sign_in.begin(FROM, None).await.expect("begins");
    sign_in.finish(a_browser(), None, &ceremony, answer).await
}

/// Person 1 with passkey 1.
async fn with_a_passkey(w: &World) -> SignedIn {
    w.an_account(1).await;
    let me = w.session_of(1).await;
    assert!(w.store.passkeys.insert(&a_passkey(1, me.user)).await.expect("answers"));
    me
}

fn news(w: &World) -> Vec<SecondFactorNews> {
    let sent = w.mailer.sent_to(&an_email(1)).into_iter();
    sent.filter_map(|mail| match mail {
        Mail::SecondFactor { news, .. } => Some(news),
        _ => None,
    })
    .collect()
}

#[tokio::test]
async fn a_passkey_is_made_in_one_ceremony_and_its_owner_is_told() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let ceremony = begun(&w, me).await;
    let made = finish(&w, me, &ceremony, "made 7").await.expect("is made");
    assert_eq!((made.name.as_str(), made.created_at), ("Phone", w.now()));
    assert_eq!(w.passkeys(Some(verifier())).list(me).await.expect("answers"), [made]);
    assert_eq!(news(&w), [SecondFactorNews::PasskeyAdded]);
    let again = finish(&w, me, &ceremony, "made 8").await;
    assert!(matches!(again, Err(PasskeyError::NotWaiting)));
    let known = finish(&w, me, &begun(&w, me).await, "made 7").await;
    assert!(matches!(known, Err(PasskeyError::Refused(_))));
}

#[tokio::test]
async fn a_ceremony_that_went_wrong_is_over() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let ceremony = begun(&w, me).await;
    assert!(matches!(finish(&w, me, &ceremony, "x").await, Err(PasskeyError::Refused(_))));
    assert!(matches!(finish(&w, me, &ceremony, "made 7").await, Err(PasskeyError::NotWaiting)));
}

#[tokio::test]
async fn a_ceremony_is_its_persons_and_ends_in_time() {
    let w = World::new();
    w.an_account(1).await;
    w.an_account(2).await;
    let (me, other) = (w.session_of(1).await, w.session_of(2).await);
    let ceremony = begun(&w, me).await;
    assert!(matches!(finish(&w, other, &ceremony, "made 7").await, Err(PasskeyError::NotWaiting)));
    let late = begun(&w, me).await;
    w.clock.advance(Ceremony::LIFETIME);
    assert!(matches!(finish(&w, me, &late, "made 7").await, Err(PasskeyError::NotWaiting)));
    assert_eq!(w.passkeys(Some(verifier())).list(me).await.expect("answers"), []);
}

#[tokio::test]
async fn without_the_right_proof_no_passkey_is_made_or_removed() {
    let w = World::new();
    let me = with_a_passkey(&w).await;
    let wrong = Proof::Password("password 2".to_owned());
    let passkeys = w.passkeys(Some(verifier()));
    for outcome in [
        passkeys.begin(me, FROM, &wrong).await.map(|_| ()),
        passkeys.remove(me, FROM, a_passkey(1, me.user).id, &wrong).await,
    ] {
        assert!(matches!(outcome, Err(PasskeyError::Confirm(ConfirmError::WrongPassword))));
    }
    assert_eq!(passkeys.list(me).await.expect("answers").len(), 1);
}

#[tokio::test]
async fn a_person_has_no_more_than_so_many() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    for n in 1..=u32::try_from(Passkey::MOST).expect("few") {
        assert!(w.store.passkeys.insert(&a_passkey(n, me.user)).await.expect("answers"));
    }
    let outcome = w.passkeys(Some(verifier())).begin(me, FROM, &password()).await.err();
    assert!(matches!(outcome, Some(PasskeyError::TooMany)));
}

#[tokio::test]
async fn a_passkey_signs_in_by_itself_and_its_use_is_noted() {
    let w = World::new();
    let me = with_a_passkey(&w).await;
    let opened = sign_in(&w, "used credential 1").await.expect("signs in");
    assert_eq!(opened.user.id, me.user);
    assert!(w.authenticate().execute(&opened.token).await.expect("answers").is_some());
    let [used] = &w.passkeys(Some(verifier())).list(me).await.expect("answers")[..] else {
        panic!("one passkey");
    };
    assert_eq!(used.last_used_at, Some(w.now()));
    assert_eq!(used.credential, b"counted");
    for answer in ["used credential 2", "used credential 11", "nonsense"] {
        assert!(matches!(sign_in(&w, answer).await, Err(PasskeyError::Refused(_))), "{answer}");
    }
}

#[tokio::test]
async fn one_ceremony_signs_in_once_whatever_is_sent_again() {
    let w = World::new();
    with_a_passkey(&w).await;
    let sign_in = w.sign_in_by_passkey(Some(verifier()));
    let Begun { ceremony, .. } = sign_in.begin(FROM, None).await.expect("begins");
    let answer = "used credential 1";
    let (one, other) = tokio::join!(
        sign_in.finish(a_browser(), None, &ceremony, answer),
        sign_in.finish(a_browser(), None, &ceremony, answer)
    );
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);
    let again = sign_in.finish(a_browser(), None, &ceremony, answer).await.err();
    assert!(matches!(again, Some(PasskeyError::NotWaiting)));
}

#[tokio::test]
async fn who_is_kept_out_is_kept_out_with_a_passkey() {
    let w = World::new();
    with_a_passkey(&w).await;
    w.store.users.set_disabled(a_user(1).id, Some(w.now())).await.expect("answers");
    let outcome = sign_in(&w, "used credential 1").await.err();
    assert!(matches!(outcome, Some(PasskeyError::AccountDisabled)));
}

#[tokio::test]
async fn an_account_that_asks_for_a_passkey_opens_to_no_password_alone() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let own = w.own_second_factor();
    let none = own.require_passkey(me, FROM, &password()).await.err();
    assert!(matches!(none, Some(OwnSecondFactorError::NoPasskey)));
    assert!(w.store.passkeys.insert(&a_passkey(1, me.user)).await.expect("answers"));
    let codes = own.require_passkey(me, FROM, &password()).await.expect("is on");
    let again = own.require_passkey(me, FROM, &password()).await.err();
    assert!(matches!(again, Some(OwnSecondFactorError::On)));

    let outcome = w.sign_in().execute(a_browser(), "person-b", "password 1").await.err();
    let Some(SignInError::SecondFactor(outstanding)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(outstanding.kinds, [FactorKind::Passkey, FactorKind::RecoveryCode]);
    let sign_in = w.sign_in_by_passkey(Some(verifier()));
    let flow = Some(outstanding.flow.clone());
    let Begun { ceremony, .. } = sign_in.begin(FROM, flow).await.expect("begins");
    let other = Passkey { credential_id: b"credential 12".to_vec(), ..a_passkey(2, a_user(2).id) };
    assert!(w.store.passkeys.insert(&other).await.expect("answers"));
    let foreign = sign_in.finish(a_browser(), None, &ceremony, "used credential 12").await.err();
    assert!(matches!(foreign, Some(PasskeyError::Refused(_))), "another account's");
    let flow = Some(outstanding.flow);
    let Begun { ceremony, .. } = sign_in.begin(FROM, flow.clone()).await.expect("begins");
    let answer = "used credential 1";
    sign_in.finish(a_browser(), flow.clone(), &ceremony, answer).await.expect("signs in");
    assert_eq!(w.second_step().find_waiting(flow).await.expect("answers"), None, "it has ended");

    let outcome = w.sign_in().execute(a_browser(), "person-b", "password 1").await.err();
    let Some(SignInError::SecondFactor(outstanding)) = outcome else { panic!("{outcome:?}") };
    let (flow, code) = (Some(outstanding.flow), codes[0].show());
    w.second_step().execute(a_browser(), flow, &code).await.expect("a recovery code, too");
}

#[tokio::test]
async fn with_the_last_passkey_goes_what_asks_for_one() {
    let w = World::new();
    let me = with_a_passkey(&w).await;
    assert!(w.store.passkeys.insert(&a_passkey(2, me.user)).await.expect("answers"));
    w.own_second_factor().require_passkey(me, FROM, &password()).await.expect("is on");
    let passkeys = w.passkeys(Some(verifier()));
    for (n, required) in [(1, true), (2, false)] {
        let id = a_passkey(n, me.user).id;
        passkeys.remove(me, FROM, id, &password()).await.expect("is removed");
        let found = w.own_second_factor().find(me).await.expect("answers");
        assert_eq!(found.is_some(), required);
        let again = passkeys.remove(me, FROM, id, &password()).await.err();
        assert!(matches!(again, Some(PasskeyError::NoSuchPasskey)));
    }
    assert!(w.sign_in().execute(a_browser(), "person-b", "password 1").await.is_ok());
    assert!(news(&w).contains(&SecondFactorNews::TurnedOff));
}

#[tokio::test]
async fn without_a_name_in_the_public_url_there_are_no_passkeys() {
    let w = World::new();
    let me = with_a_passkey(&w).await;
    let passkeys = w.passkeys(None);
    assert!(!passkeys.available());
    let outcome = passkeys.begin(me, FROM, &password()).await.err();
    assert!(matches!(outcome, Some(PasskeyError::NoName)));
    let outcome = w.sign_in_by_passkey(None).begin(FROM, None).await.err();
    assert!(matches!(outcome, Some(PasskeyError::NoName)));
    passkeys.remove(me, FROM, a_passkey(1, me.user).id, &password()).await.expect("is removed");
}

#[tokio::test]
async fn tries_with_passkeys_are_bounded() {
    let w = World::new();
    let me = with_a_passkey(&w).await;
    let ceremony = begun(&w, me).await;
    let passkeys = Passkeys { limits: limits_but("code_try"), ..w.passkeys(Some(verifier())) };
    let outcome = passkeys.finish(me, FROM, &ceremony, a_name(), "made 7").await.err();
    assert!(matches!(outcome, Some(PasskeyError::Throttled(_))));
    let sign_in = SignInByPasskey {
        limits: limits_but("code_try"),
        ..w.sign_in_by_passkey(Some(verifier()))
    };
    assert!(matches!(sign_in.begin(FROM, None).await.err(), Some(PasskeyError::Throttled(_))));
    assert!(finish(&w, me, &ceremony, "made 7").await.is_ok(), "nothing was used up");
}
