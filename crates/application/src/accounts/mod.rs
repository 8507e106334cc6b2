//! Opening an account, signing in and out, one's own profile.
mod acquaintance;
mod address_proof;
mod authenticate;
mod create_user;
mod devices;
mod passwords;
mod profile;
mod register;
mod resend_otp;
mod sessions;
mod sign_in;
mod sign_out;
mod verify_otp;

pub use acquaintance::Acquaintance;
pub use address_proof::AddressProof;
pub use authenticate::{Authenticate, SignedIn};
pub use create_user::{CreateUser, CreateUserError, NewUser};
pub use devices::{Devices, DevicesError};
pub use profile::{Profile, ProfileError};
pub use register::{Register, RegisterError, SignUp};
pub use resend_otp::{ResendOtp, ResendOtpError};
pub use sessions::{Browser, OpenedSession, Sessions};
pub use sign_in::{SignIn, SignInError};
pub use sign_out::SignOut;
pub use verify_otp::{VerifyOtp, VerifyOtpError, WaitingSignUp};
