//! Passkeys by `WebAuthn`. What a passkey is kept as, and what a ceremony has to know, is JSON of
//! the library's own types: it alone reads it again.
use application::ports::{BegunCeremony, NewCredential, PasskeyRefused, PasskeyVerifier};
use domain::{id::UserId, passkey::Passkey, user::User};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use url::{Host, Url};
use uuid::Uuid;
use webauthn_rs::{
    Webauthn, WebauthnBuilder,
    prelude::{
        DiscoverableAuthentication, DiscoverableKey, Passkey as Credential, PasskeyAuthentication,
        PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, WebauthnError,
    },
};
use webauthn_rs_proto::ResidentKeyRequirement;

/// Verifies answers for one origin.
pub struct WebauthnVerifier(Webauthn);

/// What signing in has to know.
#[derive(Deserialize, Serialize)]
enum SignIn {
    /// With one of these.
    Known(PasskeyAuthentication),
    /// With whichever the device offers.
    Discoverable(DiscoverableAuthentication),
}

impl WebauthnVerifier {
    /// For the origin that people come by. `None` where its host is an IP address: browsers make
    /// passkeys for names alone.
    pub fn new(origin: &str) -> anyhow::Result<Option<Self>> {
        let origin = Url::parse(origin)?;
        let Some(Host::Domain(name)) = origin.host() else { return Ok(None) };
        let builder = WebauthnBuilder::new(name, &origin)?.rp_name("Sotto");
        Ok(Some(Self(builder.build()?)))
    }
}

impl PasskeyVerifier for WebauthnVerifier {
    fn begin_registration(
        &self,
        user: &User,
        known: &[Passkey],
    ) -> Result<BegunCeremony, PasskeyRefused> {
        let name = user.username.as_str();
        let id = Uuid::from_bytes(*user.id.as_bytes());
        let known = known.iter().map(|passkey| passkey.credential_id.clone()).collect();
        let begun = self.0.start_passkey_registration(id, name, name, Some(known));
        let (mut options, state) = begun.map_err(|error| refused(&error))?;
        // So that the device can offer it where nobody has said who they are.
        if let Some(selection) = &mut options.public_key.authenticator_selection {
            selection.resident_key = Some(ResidentKeyRequirement::Required);
            selection.require_resident_key = true;
        }
        begun_ceremony(&options, &state)
    }

    fn finish_registration(
        &self,
        state: &[u8],
        answer: &str,
    ) -> Result<NewCredential, PasskeyRefused> {
        let state: PasskeyRegistration = read(state)?;
        let answer: RegisterPublicKeyCredential = read(answer.as_bytes())?;
        let made =
            self.0.finish_passkey_registration(&answer, &state).map_err(|error| refused(&error))?;
        Ok(NewCredential { id: made.cred_id().clone(), credential: write(&made)? })
    }

    fn begin_sign_in(&self, known: &[Passkey]) -> Result<BegunCeremony, PasskeyRefused> {
        if known.is_empty() {
            let begun = self.0.start_discoverable_authentication();
            let (mut options, state) = begun.map_err(|error| refused(&error))?;
            options.mediation = None;
            return begun_ceremony(&options, &SignIn::Discoverable(state));
        }
        let known = known.iter().map(|key| read(&key.credential)).collect::<Result<Vec<_>, _>>()?;
        let (options, state) =
            self.0.start_passkey_authentication(&known).map_err(|error| refused(&error))?;
        begun_ceremony(&options, &SignIn::Known(state))
    }

    fn find_claimed(&self, answer: &str) -> Option<UserId> {
        let answer: PublicKeyCredential = read(answer.as_bytes()).ok()?;
        let (user, _) = self.0.identify_discoverable_authentication(&answer).ok()?;
        Some(UserId::from_bytes(user.into_bytes()))
    }

    fn finish_sign_in(
        &self,
        state: &[u8],
        answer: &str,
        known: &[Passkey],
    ) -> Result<Passkey, PasskeyRefused> {
        let answer: PublicKeyCredential = read(answer.as_bytes())?;
        let mut used = known
            .iter()
            .find(|key| key.credential_id.as_slice() == answer.get_credential_id())
            .cloned()
            .ok_or(PasskeyRefused)?;
        let mut credential: Credential = read(&used.credential)?;
        let result = match read(state)? {
            SignIn::Known(state) => self.0.finish_passkey_authentication(&answer, &state),
            SignIn::Discoverable(state) => self.0.finish_discoverable_authentication_v2(
                &answer,
                state,
                DiscoverableKey::from(&credential),
            ),
        }
        .map_err(|error| refused(&error))?;
        if !result.user_verified() {
            return Err(PasskeyRefused);
        }
        credential.update_credential(&result);
        used.credential = write(&credential)?;
        Ok(used)
    }
}

fn begun_ceremony(
    options: &impl Serialize,
    state: &impl Serialize,
) -> Result<BegunCeremony, PasskeyRefused> {
    let options = serde_json::to_string(options).map_err(|_| PasskeyRefused)?;
    Ok(BegunCeremony { options, state: write(state)? })
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, PasskeyRefused> {
    serde_json::from_slice(json).map_err(|_| PasskeyRefused)
}

fn write(value: &impl Serialize) -> Result<Vec<u8>, PasskeyRefused> {
    serde_json::to_vec(value).map_err(|_| PasskeyRefused)
}

/// The reason is for whoever looks for it; it repeats nothing of the answer.
fn refused(error: &WebauthnError) -> PasskeyRefused {
    tracing::debug!(%error, "a passkey was refused");
    PasskeyRefused
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use testkit::a_user;

    fn verifier(origin: &str) -> Option<WebauthnVerifier> {
        WebauthnVerifier::new(origin).expect("an origin")
    }

    fn named() -> WebauthnVerifier {
        verifier("https://chat.example").expect("has a name")
    }

    fn options(begun: &BegunCeremony) -> Value {
        serde_json::from_str::<Value>(&begun.options).expect("JSON")["publicKey"].clone()
    }

    #[test]
    fn there_are_passkeys_for_names_alone() {
        for (origin, name) in [
            ("https://chat.example", true),
            ("http://localhost:8000", true),
            ("http://127.0.0.1:8000", false),
            ("https://192.0.2.7", false),
            ("http://[::1]:8000", false),
        ] {
            assert_eq!(verifier(origin).is_some(), name, "{origin}");
        }
    }

    #[test]
    fn a_device_is_asked_to_recognise_its_owner_and_to_offer_the_passkey_by_itself() {
        let begun = named().begin_registration(&a_user(1), &[]).expect("begins");
        let options = options(&begun);
        assert_eq!(options["rp"], json!({"id": "chat.example", "name": "Sotto"}));
        let selection = &options["authenticatorSelection"];
        assert_eq!(selection["userVerification"], "required");
        assert_eq!(selection["residentKey"], "required");
        assert_eq!(selection["requireResidentKey"], true);
        assert_eq!(options["attestation"], "none");
        let again = named().begin_registration(&a_user(1), &[]).expect("begins");
        assert_ne!(self::options(&again)["challenge"], options["challenge"]);
    }

    #[test]
    fn whoever_signs_in_is_asked_for_any_passkey_and_to_be_recognised() {
        let begun = named().begin_sign_in(&[]).expect("begins");
        let options = options(&begun);
        assert_eq!(options["userVerification"], "required");
        assert_eq!(options["rpId"], "chat.example");
        assert_eq!(options["allowCredentials"], json!([]));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let verifier = named();
        let making = verifier.begin_registration(&a_user(1), &[]).expect("begins").state;
        let using = verifier.begin_sign_in(&[]).expect("begins").state;
        let empty = json!({
            "id": "AA", "rawId": "AA", "type": "public-key",
            "response": {
                "clientDataJSON": "AA", "attestationObject": "AA", "authenticatorData": "AA",
                "signature": "AA", "userHandle": "AA",
            },
        });
        for answer in ["", "null", "{}", "[1]", &empty.to_string()] {
            assert_eq!(verifier.finish_registration(&making, answer), Err(PasskeyRefused));
            assert_eq!(verifier.finish_registration(&using, answer), Err(PasskeyRefused));
            assert_eq!(verifier.finish_sign_in(&using, answer, &[]), Err(PasskeyRefused));
            assert_eq!(verifier.finish_sign_in(&making, answer, &[]), Err(PasskeyRefused));
            assert_eq!(verifier.find_claimed(answer), None, "{answer}");
        }
    }
}
