//! Bearer secrets a browser holds: 256 random bits as text, kept by us only as a digest.
use crate::id::UserId;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// SHA-256 of a token. A plain digest is enough: nobody guesses 256 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenDigest(pub [u8; 32]);

macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Zeroizing<[u8; 32]>);

        impl $name {
            /// Makes a token of 32 random bytes.
            pub fn mint(random: [u8; 32]) -> Self {
                Self(Zeroizing::new(random))
            }

            /// Reads what a browser sent; `None` if no token of ours ever looked so.
            pub fn parse(text: &str) -> Option<Self> {
                let bytes = Zeroizing::new(BASE64.decode(text).ok()?);
                Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
            }

            /// The text to hand to the browser: 43 characters of base64url.
            pub fn reveal(&self) -> String {
                BASE64.encode(self.0.as_slice())
            }

            /// What a store keeps of it.
            pub fn digest(&self) -> TokenDigest {
                TokenDigest(Sha256::digest(self.0.as_slice()).into())
            }
        }
    };
}

token!(
    /// Proves that a browser is signed in.
    SessionToken
);
token!(
    /// Proves that a browser is the one that began a sign-up, or a sign-in.
    FlowToken
);
token!(
    /// Lets whoever holds it choose a new password.
    ResetToken
);
token!(
    /// Comes back from a provider with the person it was given along (`state`, RFC 6749, section
    /// 4.1.1).
    StateToken
);
token!(
    /// Comes back inside of what a provider has signed (`nonce`, OpenID Connect Core, section 3.1.2.1).
    NonceToken
);
token!(
    /// Shows a provider that who redeems a code is who had it made (`code_verifier`, RFC 7636).
    VerifierToken
);
token!(
    /// Binds a sign-in by a provider to the browser that began it.
    VisitToken
);
token!(
    /// Tells a browser from others, signed in or not. Proves nothing by itself.
    DeviceToken
);

impl DeviceToken {
    /// What the account of one person keeps of it.
    pub fn digest_for(&self, user: UserId) -> TokenDigest {
        let parts = Sha256::new().chain_update(self.0.as_slice()).chain_update(user.as_bytes());
        TokenDigest(parts.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_from_its_text() {
        let token = SessionToken::mint([9; 32]);
        assert_eq!(token.reveal().len(), 43);
        assert_eq!(SessionToken::parse(&token.reveal()).map(|t| t.digest()), Some(token.digest()));
    }

    #[test]
    fn what_was_never_minted_is_no_token() {
        for text in ["", "x", &"A".repeat(42), &"A".repeat(44), "ä"] {
            assert!(SessionToken::parse(text).is_none(), "{text}");
        }
    }
}
