//! Opening an account, signing in and out, one's own profile.
mod acquaintance;
mod address_proof;
mod administer;
mod authenticate;
mod challenges;
mod change_email;
mod change_password;
mod codes;
mod confirm;
mod create_user;
mod devices;
mod erase;
mod export;
pub mod google;
mod own_second_factor;
mod passkeys;
mod passwords;
mod pictures;
mod privacy;
mod profile;
mod register;
mod resend_otp;
mod reset_password;
mod second_factors;
mod second_step;
mod sessions;
mod sign_in;
mod sign_in_by_passkey;
mod sign_out;
mod verify_otp;

pub use acquaintance::Acquaintance;
pub use address_proof::AddressProof;
pub use administer::{Administer, AdministerError, Known, Named};
pub use authenticate::{Authenticate, SignedIn};
pub use challenges::{ChallengeError, Challenges};
pub use change_email::{ChangeEmail, ChangeEmailError, WaitingForAddress};
pub use change_password::{ChangePassword, ChangePasswordError, NewPassword, NewPasswordError};
pub use codes::Codes;
pub use confirm::{Confirm, ConfirmError, Proof};
pub use create_user::{CreateUser, CreateUserError, NewUser};
pub use devices::{Devices, DevicesError};
pub use erase::{DeleteAccount, Erase, Traces};
pub use export::{
    BlockedPerson, Conversation, Conversations, Export, ExportError, Interrupted, OwnData, Places,
    RecordKeepers, Records,
};
pub use own_second_factor::{OwnSecondFactor, OwnSecondFactorError, SetUp};
pub use passkeys::{Begun, PasskeyError, Passkeys};
pub use pictures::{PictureError, Pictures};
pub use privacy::{OwnPrivacy, PrivacyError};
pub use profile::{Profile, ProfileError};
pub use register::{Register, RegisterError, SignUp};
pub use resend_otp::{ResendOtp, ResendOtpError};
pub use reset_password::{
    ForgotPassword, ForgotPasswordError, ResetLinks, ResetPassword, ResetPasswordError,
};
pub use second_factors::{Outstanding, SecondFactors};
pub use second_step::{SecondStep, SecondStepError};
pub use sessions::{Browser, OpenSessionError, OpenedSession, Sessions};
pub use sign_in::{SignIn, SignInError};
pub use sign_in_by_passkey::SignInByPasskey;
pub use sign_out::SignOut;
pub use verify_otp::{VerifyOtp, VerifyOtpError, WaitingSignUp};
