use crate::world::{FROM, World, a_browser};
use application::{
    accounts::{ChangePasswordError, ConfirmError, NewPasswordError, Proof, SignedIn},
    ports::Mail,
};
use domain::{password::WeakPassword, user::User};
use testkit::{a_user, an_email};

const NEW: &str = "velvet tractor plum";

fn current(password: &str) -> Proof {
    Proof::Password(password.to_owned())
}

async fn change(
    w: &World,
    me: SignedIn,
    proof: Option<Proof>,
    new: &str,
) -> Result<(), ChangePasswordError> {
    w.change_password().execute(me, FROM, proof.as_ref(), new).await
}

async fn signs_in(w: &World, password: &str) -> bool {
    w.sign_in().execute(a_browser(), a_user(1).username.as_str(), password).await.is_ok()
}

#[tokio::test]
async fn the_new_password_counts_and_all_other_sessions_end() {
    let w = World::new();
    w.an_account(1).await;
    let [me, elsewhere] = [w.session_of(1).await, w.session_of(1).await];
    change(&w, me, Some(current("password 1")), NEW).await.expect("is changed");
    assert!(signs_in(&w, NEW).await);
    assert!(!signs_in(&w, "password 1").await);
    let counts = async |who: SignedIn| w.authenticate().still_counts(who.session).await;
    assert!(counts(me).await.expect("answers"));
    assert!(!counts(elsewhere).await.expect("answers"));
    let told = w.mailer.sent_to(&an_email(1));
    assert!(told.iter().any(|mail| matches!(mail, Mail::PasswordChanged { .. })));
}

#[tokio::test]
async fn without_the_right_password_nothing_changes() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let wrong = change(&w, me, Some(current("password 2")), NEW).await;
    let expected = ChangePasswordError::Confirm(ConfirmError::WrongPassword);
    assert_eq!(wrong.map_err(|e| e.to_string()), Err(expected.to_string()));
    let missing = change(&w, me, None, NEW).await;
    assert!(matches!(missing, Err(ChangePasswordError::ProofMissing)));
    assert!(signs_in(&w, "password 1").await);
}

#[tokio::test]
async fn a_code_does_as_well_and_is_not_used_up_by_a_password_that_is_refused() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    w.confirm().send_code(me).await.expect("is sent");
    let code = || Some(Proof::Code(w.code(1)));
    let refused = change(&w, me, code(), "short").await;
    let weak = matches!(
        refused,
        Err(ChangePasswordError::New(NewPasswordError::Weak(WeakPassword::TooShort)))
    );
    assert!(weak);
    change(&w, me, code(), NEW).await.expect("is changed");
    assert!(signs_in(&w, NEW).await);
}

#[tokio::test]
async fn somebody_without_a_password_sets_a_first_one() {
    let w = World::new();
    let user = w.an_account(1).await;
    let me = w.session_of(1).await;
    let google_only = User { password: None, ..a_user(2) };
    w.store.users.insert(&google_only).await.expect("answers").expect("is new");
    let theirs = SignedIn { user: google_only.id, session: me.session };
    change(&w, theirs, None, NEW).await.expect("is set");
    let found = w.store.users.find(google_only.id).await.expect("answers").expect("is there");
    assert!(found.password.is_some());
    assert_ne!(found.id, user.id);
}

#[tokio::test]
async fn a_link_that_was_mailed_before_no_longer_works() {
    let w = World::new();
    w.an_account(1).await;
    let me = w.session_of(1).await;
    let forgot = w.forgot_password();
    forgot.execute(FROM, &an_email(1)).await.expect("answers");
    forgot.tasks.close();
    forgot.tasks.wait().await;
    let token = w.mailer.last_reset(&an_email(1)).expect("a link was mailed");
    change(&w, me, Some(current("password 1")), NEW).await.expect("is changed");
    assert!(w.reset_password().execute(&a_browser(), &token, "another velvet plum").await.is_err());
}
