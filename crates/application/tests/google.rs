use crate::world::{FROM, MILLISECOND, World, a_browser, down, limits_but, other_than};
use application::{
    accounts::{
        ChallengeError, OpenedSession, Proof,
        google::{
            Answer, Arrival, Arrived, BeginGoogle, BeginGoogleError, Errand, FinishGoogle,
            LinkByCodeError, NewArrivals, Stranded, UnlinkGoogleError, Why,
        },
    },
    ports::{
        GrantedCode, IdentityProvider, Mail, MockExternalSignInRepository, MockIdentityProvider,
        MockMailer, MockUserRepository, ProviderError,
    },
};
use domain::{
    email::Email,
    external_sign_in::ExternalSignIn,
    id::UserId,
    identity::ProvenIdentity,
    name::PersonName,
    otp::{Otp, OtpCode, OtpRejected},
    return_path::ReturnPath,
    token::{StateToken, VisitToken},
    user::User,
};
use std::sync::Arc;
use testkit::{a_user, an_email, an_errand, an_identity};
use tokio::task::JoinSet;

/// Somebody on their way, as their browser knows it.
#[derive(Clone)]
struct Traveller {
    state: StateToken,
    visit: VisitToken,
}

/// Person `n` as a provider knows them.
fn proven(n: u32) -> ProvenIdentity {
    ProvenIdentity {
        identity: an_identity(n),
        email: Some(an_email(n)),
        first_name: PersonName::parse("Ann").expect("a name"),
        last_name: PersonName::default(),
    }
}

/// A provider at which person `n` signs in.
fn provider_of(n: u32) -> Arc<dyn IdentityProvider> {
    provider(move || Ok(proven(n)))
}

fn provider(
    outcome: impl Fn() -> Result<ProvenIdentity, ProviderError> + Send + Sync + 'static,
) -> Arc<dyn IdentityProvider> {
    let mut provider = MockIdentityProvider::new();
    provider.expect_authorize_url().returning(|secrets| Ok(secrets.state.reveal()));
    provider.expect_redeem().returning(move |_, _| outcome());
    Arc::new(provider)
}

async fn leave(w: &World, errand: Errand) -> Traveller {
    let departure = w.begin_google(provider_of(1)).execute(FROM, None, &errand).await;
    let departure = departure.expect("leaves");
    let state = StateToken::parse(&departure.url).expect("the state");
    Traveller { state, visit: departure.visit }
}

fn arrival(traveller: &Traveller, me: Option<UserId>) -> Arrival {
    Arrival {
        state: Some(traveller.state.clone()),
        visit: Some(traveller.visit.clone()),
        me,
        answer: Answer::Granted(GrantedCode { code: "code".to_owned(), issuer: None }),
    }
}

async fn come_back(finish: &FinishGoogle, traveller: &Traveller) -> Result<Arrived, Stranded> {
    finish.execute(a_browser(), arrival(traveller, None)).await
}

/// Person `n` goes there and comes back.
async fn visit(w: &World, n: u32) -> Result<Arrived, Stranded> {
    let traveller = leave(w, Errand::SignIn(None)).await;
    come_back(&w.finish_google(provider_of(n)), &traveller).await
}

/// Links the account of somebody who is signed in with person `n` at the provider.
async fn link(w: &World, me: UserId, n: u32) -> Result<Arrived, Stranded> {
    let traveller = leave(w, Errand::Link(me)).await;
    let finish = w.finish_google(provider_of(n));
    finish.execute(a_browser(), arrival(&traveller, Some(me))).await
}

fn signed_in(arrived: Result<Arrived, Stranded>) -> User {
    match arrived {
        Ok(Arrived::SignedIn(opened, _)) => opened.user,
        Ok(_) => panic!("not signed in"),
        Err(stranded) => panic!("not signed in: {}", stranded.why),
    }
}

fn why(arrived: Result<Arrived, Stranded>) -> Why {
    match arrived {
        Ok(_) => panic!("nothing went wrong"),
        Err(stranded) => stranded.why,
    }
}

/// Person `n`, who has an account, comes by the provider and is asked for a code.
async fn is_asked(w: &World, n: u32) -> VisitToken {
    match visit(w, n).await {
        Ok(Arrived::ProveAddress { visit, .. }) => visit,
        Ok(_) => panic!("nothing was asked"),
        Err(stranded) => panic!("nothing was asked: {}", stranded.why),
    }
}

async fn type_code(
    w: &World,
    visit: &VisitToken,
    code: &OtpCode,
) -> Result<OpenedSession, LinkByCodeError> {
    w.link_by_code().execute(a_browser(), Some(visit.clone()), code).await
}

async fn find(w: &World, n: u32) -> Option<User> {
    w.store.users.find_by_email(&an_email(n)).await.expect("answers")
}

#[tokio::test]
async fn somebody_new_gets_an_account_a_name_and_a_welcome() {
    let w = World::new();
    let next = ReturnPath::parse("/chat/").expect("local");
    let traveller = leave(&w, Errand::SignIn(Some(next.clone()))).await;
    let arrived = come_back(&w.finish_google(provider_of(1)), &traveller).await;
    let Ok(Arrived::SignedIn(opened, wanted)) = arrived else { panic!("is signed in") };
    assert_eq!(wanted, Some(next));
    let user = opened.user;
    assert_eq!((user.username.as_str(), &user.email), ("person1", &an_email(1)));
    assert_eq!((user.first_name.as_str(), user.last_name.as_str()), ("Ann", ""));
    assert_eq!((&user.password, &user.google), (&None, &Some(an_identity(1))));
    let who = w.authenticate().execute(&opened.token).await.expect("answers");
    assert_eq!(who.map(|who| who.user), Some(user.id));
    let [Mail::Welcome { .. }] = &w.mailer.sent_to(&an_email(1))[..] else { panic!("one mail") };
    assert_eq!(signed_in(visit(&w, 1).await), user, "the second time it is the same person");
}

#[tokio::test]
async fn what_is_brought_back_counts_for_ten_minutes_once_and_in_that_browser() {
    let w = World::new();
    let finish = w.finish_google(provider_of(1));
    let is_stale = |arrived| matches!(why(arrived), Why::Stale);
    let late = leave(&w, Errand::SignIn(None)).await;
    w.clock.advance(ExternalSignIn::LIFETIME);
    assert!(is_stale(come_back(&finish, &late).await));

    let traveller = leave(&w, Errand::SignIn(None)).await;
    w.clock.advance(ExternalSignIn::LIFETIME - MILLISECOND);
    let other = leave(&w, Errand::SignIn(None)).await;
    let elsewhere = Traveller { visit: other.visit.clone(), ..traveller.clone() };
    assert!(is_stale(come_back(&finish, &elsewhere).await));
    assert!(is_stale(come_back(&finish, &traveller).await), "somebody has it");
    for incomplete in [
        Arrival { visit: None, ..arrival(&other, None) },
        Arrival { state: None, ..arrival(&other, None) },
    ] {
        assert!(is_stale(finish.execute(a_browser(), incomplete).await));
    }
    signed_in(come_back(&finish, &other).await);
    assert!(is_stale(come_back(&finish, &other).await), "it was used");
}

#[tokio::test]
async fn of_those_who_bring_back_the_same_one_is_received() {
    let w = Arc::new(World::new());
    let traveller = leave(&w, Errand::SignIn(None)).await;
    let mut all = JoinSet::new();
    for _ in 0..8 {
        let (w, traveller) = (w.clone(), traveller.clone());
        all.spawn(
            async move { come_back(&w.finish_google(provider_of(1)), &traveller).await.is_ok() },
        );
    }
    let received = all.join_all().await.into_iter().filter(|received| *received).count();
    assert_eq!(received, 1);
}

#[tokio::test]
async fn somebody_new_in_several_tabs_is_one_person() {
    let w = Arc::new(World::new());
    let mut all = JoinSet::new();
    for _ in 0..8 {
        let w = w.clone();
        all.spawn(async move { signed_in(visit(&w, 1).await).id });
    }
    let ids = all.join_all().await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let welcomes = w.mailer.sent_to(&an_email(1)).into_iter();
    assert_eq!(welcomes.filter(|mail| matches!(mail, Mail::Welcome { .. })).count(), 1);
}

#[tokio::test]
async fn whoever_another_tab_brought_in_between_two_looks_is_the_same_person() {
    let w = World::new();
    let known = User { google: Some(an_identity(1)), ..a_user(1) };
    w.store.users.insert(&known).await.expect("answers").expect("is new");
    let mut users = MockUserRepository::new();
    users.expect_find_by_identity().once().returning(|_| Ok(None));
    let found = known.clone();
    users.expect_find_by_email().once().returning(move |_| Ok(Some(found.clone())));
    let finish = FinishGoogle { users: Arc::new(users), ..w.finish_google(provider_of(1)) };
    let traveller = leave(&w, Errand::SignIn(None)).await;
    assert_eq!(signed_in(come_back(&finish, &traveller).await), known);
}

#[tokio::test]
async fn what_was_put_into_the_store_by_somebody_else_brings_nobody_in() {
    let w = World::new();
    let (hers, his) =
        (leave(&w, Errand::SignIn(None)).await, leave(&w, Errand::SignIn(None)).await);
    let store = &w.store.external_sign_ins;
    let taken = store.take(&hers.state.digest()).await.expect("answers").expect("is there");
    store.take(&his.state.digest()).await.expect("answers").expect("is there");
    let moved = ExternalSignIn { key: his.state.digest(), ..taken };
    store.insert(&moved).await.expect("answers");
    let traveller = Traveller { state: his.state, visit: hers.visit };
    let arrived = come_back(&w.finish_google(provider_of(1)), &traveller).await;
    assert!(matches!(why(arrived), Why::Stale));
}

#[tokio::test]
async fn a_provider_that_fails_is_told_from_one_that_lies_and_uses_up_the_visit() {
    let w = World::new();
    let reason = || "planted".to_owned();
    for (error, next) in [
        (ProviderError::Away { reason: reason() }, None),
        (ProviderError::Refused { reason: reason() }, ReturnPath::parse("/chat/")),
    ] {
        let errand = Errand::SignIn(next);
        let traveller = leave(&w, errand.clone()).await;
        let planted = error.clone();
        let finish = w.finish_google(provider(move || Err(planted.clone())));
        let Err(stranded) = come_back(&finish, &traveller).await else { panic!("fails") };
        assert!(matches!(&stranded.why, Why::Provider(found) if *found == error));
        assert_eq!(stranded.errand, Some(errand));
        let again = come_back(&w.finish_google(provider_of(1)), &traveller).await;
        assert!(matches!(why(again), Why::Stale));
    }
    for (answer, denied) in [(Answer::Denied, true), (Answer::Failed, false)] {
        let traveller = leave(&w, Errand::SignIn(None)).await;
        let arrival = Arrival { answer, ..arrival(&traveller, None) };
        let arrived = w.finish_google(provider_of(1)).execute(a_browser(), arrival).await;
        assert_eq!(matches!(why(arrived), Why::Denied), denied);
    }
    assert_eq!(find(&w, 1).await, None);
}

#[tokio::test]
async fn without_an_address_that_is_vouched_for_only_known_people_get_in() {
    let w = World::new();
    let nameless = || ProvenIdentity { email: None, ..proven(1) };
    let come = async |w: &World| {
        let traveller = leave(w, Errand::SignIn(None)).await;
        come_back(&w.finish_google(provider(move || Ok(nameless()))), &traveller).await
    };
    assert!(matches!(why(come(&w).await), Why::EmailUnproved));
    let user = signed_in(visit(&w, 1).await);
    assert_eq!(signed_in(come(&w).await).id, user.id);
}

#[tokio::test]
async fn sign_ups_with_the_address_are_dropped_and_others_stay() {
    let w = World::new();
    let (attacker, other) = (w.sign_up_as(1).await, w.sign_up_as(2).await);
    let code = w.code(1);
    let user = signed_in(visit(&w, 1).await);
    assert_eq!(user.password, None);
    assert!(w.verify(&attacker, 1, &code).await.is_err());
    assert_eq!(w.attempts_left(&attacker).await, None);
    let name = a_user(1).username;
    for login in [an_email(1).as_str(), name.as_str(), user.username.as_str()] {
        let outcome = w.sign_in().execute(a_browser(), login, crate::world::PASSWORD).await;
        assert!(outcome.is_err(), "{login}");
    }
    assert_eq!(w.attempts_left(&other).await, Some(3));
}

#[tokio::test]
async fn a_sign_up_that_comes_in_between_is_no_way_in_either() {
    let w = World::new();
    let user = signed_in(visit(&w, 1).await);
    // Begun before the account was there, stored after its sign-ups were dropped.
    let late = testkit::a_registration(1);
    w.store.registrations.insert(&late).await.expect("answers");
    let outcome = w.sign_in().execute(a_browser(), an_email(1).as_str(), "password 1").await;
    assert!(outcome.is_err());
    assert_eq!(find(&w, 1).await, Some(user));
}

#[tokio::test]
async fn a_name_that_is_taken_is_numbered() {
    let w = World::new();
    let ann = |host: &str| Email::parse(&format!("ann@{host}.example")).expect("an address");
    let mut names = Vec::new();
    for (n, host) in [(1, "one"), (2, "two"), (3, "three")] {
        let traveller = leave(&w, Errand::SignIn(None)).await;
        let email = ann(host);
        let provider =
            provider(move || Ok(ProvenIdentity { email: Some(email.clone()), ..proven(n) }));
        let user = signed_in(come_back(&w.finish_google(provider), &traveller).await);
        names.push(user.username.as_str().to_owned());
    }
    assert_eq!(names, ["ann", "ann2", "ann3"]);
}

#[tokio::test]
async fn a_welcome_that_is_lost_undoes_nothing() {
    let w = World::new();
    let mut mailer = MockMailer::new();
    mailer.expect_send().returning(|_, _| Err(down()));
    let mut finish = w.finish_google(provider_of(1));
    finish.new_arrivals = NewArrivals { mailer: Arc::new(mailer), ..finish.new_arrivals };
    let traveller = leave(&w, Errand::SignIn(None)).await;
    let user = signed_in(come_back(&finish, &traveller).await);
    assert_eq!(find(&w, 1).await, Some(user));
}

#[tokio::test]
async fn an_account_with_the_address_is_linked_by_a_code_mailed_to_it() {
    let w = World::new();
    let before = w.an_account(1).await;
    let waiting = is_asked(&w, 1).await;
    assert_eq!(find(&w, 1).await, Some(before), "not yet");
    let found = w.link_by_code().find_waiting(Some(waiting.clone())).await.expect("answers");
    assert_eq!(found.map(|waiting| waiting.email), Some(an_email(1)));
    assert_eq!(w.link_by_code().find_waiting(None).await.expect("answers"), None);

    let code = w.code(1);
    let wrong = type_code(&w, &waiting, &other_than(&code)).await;
    let left = OtpRejected::Wrong { attempts_left: 2 };
    assert!(
        matches!(wrong, Err(LinkByCodeError::Code(ChallengeError::Rejected(found))) if found == left)
    );
    let elsewhere = VisitToken::mint([200; 32]);
    assert!(matches!(type_code(&w, &elsewhere, &code).await, Err(LinkByCodeError::NotWaiting)));
    let opened = type_code(&w, &waiting, &code).await.expect("is linked");
    assert_eq!(opened.user.google, Some(an_identity(1)));
    assert!(w.authenticate().execute(&opened.token).await.expect("answers").is_some());
    assert!(matches!(type_code(&w, &waiting, &code).await, Err(LinkByCodeError::NotWaiting)));
    let told = w.mailer.sent_to(&an_email(1));
    assert!(told.iter().any(|mail| matches!(mail, Mail::GoogleChanged { linked: true, .. })));
    assert_eq!(signed_in(visit(&w, 1).await).id, opened.user.id);
}

#[tokio::test]
async fn of_those_who_type_the_right_code_at_once_one_gets_in() {
    let w = Arc::new(World::new());
    w.an_account(1).await;
    let (waiting, code) = (is_asked(&w, 1).await, w.code(1));
    let mut all = JoinSet::new();
    for _ in 0..3 {
        let (w, waiting, code) = (w.clone(), waiting.clone(), code.clone());
        all.spawn(async move { type_code(&w, &waiting, &code).await.is_ok() });
    }
    assert_eq!(all.join_all().await.into_iter().filter(|got_in| *got_in).count(), 1);
}

#[tokio::test]
async fn the_code_is_mailed_again_once_a_minute_and_counts_for_ten() {
    let w = World::new();
    w.an_account(1).await;
    let (waiting, first) = (is_asked(&w, 1).await, w.code(1));
    let again = async || w.link_by_code().send_again(Some(waiting.clone())).await;
    let too_soon = again().await;
    assert!(matches!(too_soon, Err(LinkByCodeError::Code(ChallengeError::Throttled(_)))));
    w.clock.advance(Otp::RESEND_AFTER);
    again().await.expect("is mailed");
    assert!(type_code(&w, &waiting, &first).await.is_err(), "the one before dies");
    // The code is a minute younger than what waits for it.
    w.clock.advance(ExternalSignIn::LIFETIME - Otp::RESEND_AFTER);
    assert!(matches!(again().await, Err(LinkByCodeError::NotWaiting)));
    let late = type_code(&w, &waiting, &w.code(1)).await;
    assert!(matches!(late, Err(LinkByCodeError::NotWaiting)));
}

#[tokio::test]
async fn what_waits_ends_with_a_new_address_and_with_the_account() {
    let w = World::new();
    for n in [1, 2] {
        w.an_account(n).await;
        w.store.known_devices.remove_by_user(a_user(n).id).await.expect("answers");
    }
    let (hers, code) = (is_asked(&w, 1).await, w.code(1));
    let me = w.session_of(1).await;
    let proof = Proof::Password("password 1".to_owned());
    w.change_email().begin(me, FROM, &an_email(9), &proof).await.expect("a code is mailed");
    w.change_email().verify(me, FROM, &w.code(9)).await.expect("moves");
    assert!(type_code(&w, &hers, &code).await.is_err());

    let (his, code) = (is_asked(&w, 2).await, w.code(2));
    w.erase().execute(&a_user(2)).await.expect("is deleted");
    assert!(type_code(&w, &his, &code).await.is_err());
    assert_eq!(find(&w, 2).await, None);
}

#[tokio::test]
async fn whoever_was_quicker_keeps_what_they_linked() {
    let w = World::new();
    for n in [1, 2] {
        w.an_account(n).await;
    }
    let (waiting, code) = (is_asked(&w, 1).await, w.code(1));
    // The same account elsewhere, linked by somebody else meanwhile.
    w.store.users.link_identity(a_user(2).id, &an_identity(1)).await.expect("answers");
    assert!(matches!(type_code(&w, &waiting, &code).await, Err(LinkByCodeError::Taken)));
    assert_eq!(find(&w, 1).await.expect("is there").google, None);

    w.store.users.unlink_identity(a_user(2).id).await.expect("answers");
    let (waiting, code) = (is_asked(&w, 1).await, w.code(1));
    // Another account elsewhere, linked with the same person meanwhile.
    w.store.users.link_identity(a_user(1).id, &an_identity(7)).await.expect("answers");
    let outcome = type_code(&w, &waiting, &code).await;
    assert!(matches!(outcome, Err(LinkByCodeError::LinkedOtherwise)));
    assert!(matches!(why(visit(&w, 1).await), Why::LinkedOtherwise));
}

#[tokio::test]
async fn whoever_is_kept_out_gets_in_by_no_way() {
    let w = World::new();
    w.an_account(1).await;
    w.an_account(2).await;
    let (waiting, code) = (is_asked(&w, 1).await, w.code(1));
    w.store.users.link_identity(a_user(2).id, &an_identity(2)).await.expect("answers");
    for n in [1, 2] {
        w.store.users.set_disabled(a_user(n).id, Some(w.now())).await.expect("answers");
    }
    let outcome = type_code(&w, &waiting, &code).await;
    assert!(matches!(outcome, Err(LinkByCodeError::AccountDisabled)));
    for n in [1, 2] {
        assert!(matches!(why(visit(&w, n).await), Why::AccountDisabled), "{n}");
        let sessions = w.store.sessions.list_by_user(a_user(n).id).await.expect("answers");
        assert!(sessions.is_empty());
    }
}

#[tokio::test]
async fn an_account_is_linked_for_whoever_is_signed_in_to_it() {
    let w = World::new();
    w.an_account(1).await;
    w.an_account(2).await;
    let (ann, bob) = (a_user(1).id, a_user(2).id);
    let traveller = leave(&w, Errand::Link(ann)).await;
    for other in [None, Some(bob)] {
        let traveller = leave(&w, Errand::Link(ann)).await;
        let finish = w.finish_google(provider_of(5));
        let outcome = finish.execute(a_browser(), arrival(&traveller, other)).await;
        assert!(matches!(why(outcome), Why::Stale), "{other:?}");
    }
    let finish = w.finish_google(provider_of(5));
    let linked = finish.execute(a_browser(), arrival(&traveller, Some(ann))).await;
    assert!(matches!(linked, Ok(Arrived::Linked)));
    assert_eq!(find(&w, 1).await.expect("is there").google, Some(an_identity(5)));
    assert!(matches!(link(&w, ann, 5).await, Ok(Arrived::Linked)), "it is already");
    assert!(matches!(why(link(&w, ann, 6).await), Why::LinkedOtherwise));
    assert!(matches!(why(link(&w, bob, 5).await), Why::Taken));
    let told = w.mailer.sent_to(&an_email(1));
    assert_eq!(told.len(), 1, "it is told once");
}

#[tokio::test]
async fn nobody_is_left_without_a_way_in() {
    let w = World::new();
    let user = signed_in(visit(&w, 1).await);
    let unlink = async |id| w.unlink_google().execute(id).await;
    assert!(matches!(unlink(user.id).await, Err(UnlinkGoogleError::NoOtherWay)));
    let me = w.authenticate();
    let Ok(Arrived::SignedIn(opened, _)) = visit(&w, 1).await else { panic!("is signed in") };
    let me = me.execute(&opened.token).await.expect("answers").expect("is signed in");
    let set = w.change_password().execute(me, FROM, None, crate::world::PASSWORD).await;
    set.expect("the first password needs no other");
    let unlinked = unlink(user.id).await.expect("is unlinked");
    assert_eq!(unlinked.google, None);
    unlink(user.id).await.expect("there is nothing left to do");
    let told = w.mailer.sent_to(&an_email(1)).into_iter();
    let told = told.filter(|mail| matches!(mail, Mail::GoogleChanged { linked: false, .. }));
    assert_eq!(told.count(), 1);
    assert!(matches!(unlink(a_user(9).id).await, Err(UnlinkGoogleError::Gone)));
}

#[tokio::test]
async fn leaving_and_coming_back_are_bounded_and_need_a_provider() {
    let w = World::new();
    let begin =
        async |begin: BeginGoogle| begin.execute(FROM, None, &Errand::SignIn(None)).await.map(drop);
    let fine = || w.begin_google(provider_of(1));
    begin(fine()).await.expect("leaves");
    let without = begin(BeginGoogle { provider: None, ..fine() }).await;
    assert!(matches!(without, Err(BeginGoogleError::NotSetUp)));
    let flood = begin(BeginGoogle { limits: limits_but("leave"), ..fine() }).await;
    assert!(matches!(flood, Err(BeginGoogleError::Throttled(_))));

    let traveller = leave(&w, Errand::SignIn(None)).await;
    let finish = FinishGoogle { limits: limits_but("return"), ..w.finish_google(provider_of(1)) };
    assert!(matches!(why(come_back(&finish, &traveller).await), Why::Throttled(_)));
    signed_in(come_back(&w.finish_google(provider_of(1)), &traveller).await);
}

#[tokio::test]
async fn a_store_that_is_away_is_no_fault_of_the_browsers() {
    let w = World::new();
    let mut store = MockExternalSignInRepository::new();
    store.expect_take().returning(|_| Err(down()));
    let mut finish = w.finish_google(provider_of(1));
    finish.errands.store = Arc::new(store);
    let traveller = leave(&w, Errand::SignIn(None)).await;
    assert!(matches!(why(come_back(&finish, &traveller).await), Why::Unavailable(_)));
}

#[tokio::test]
async fn a_browser_that_is_on_its_way_already_keeps_its_token() {
    let w = World::new();
    let first = leave(&w, Errand::SignIn(None)).await;
    let begin = w.begin_google(provider_of(1));
    let errand = Errand::SignIn(None);
    let second = begin.execute(FROM, Some(first.visit.clone()), &errand).await.expect("leaves");
    assert_eq!(second.visit.digest(), first.visit.digest());
    assert_ne!(second.url, first.state.reveal());
    assert_ne!(an_errand(1).key, first.state.digest());
}
