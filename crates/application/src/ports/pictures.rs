use super::Unavailable;
use async_trait::async_trait;
use domain::{id::UserId, picture::PictureId, user::User};

/// The pictures of people, as they are shown.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PictureRepository: Send + Sync {
    /// Gives somebody another picture, or none, and returns them as they are now; what they had
    /// before is gone. `None`, and nothing is kept, if there is no such user.
    ///
    /// All of it or nothing: a picture is kept exactly as long as somebody has it, also when
    /// several replace one at once.
    async fn replace(
        &self,
        user: UserId,
        picture: Option<NewPicture>,
    ) -> Result<Option<User>, Unavailable>;

    /// The picture of this name.
    async fn find(&self, id: PictureId) -> Result<Option<ShownPicture>, Unavailable>;
}

/// A picture as everybody gets it: a JPEG of our own making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownPicture(pub Vec<u8>);

/// A small picture of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// What is shown.
    pub shown: ShownPicture,
    /// Pixels of the image itself, upright.
    pub width: u32,
    /// Pixels of the image itself, upright.
    pub height: u32,
}

/// A picture that somebody is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPicture {
    /// Its name.
    pub id: PictureId,
    /// What is shown.
    pub shown: ShownPicture,
}

/// Makes pictures of what people send.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PictureProcessor: Send + Sync {
    /// The middle of an image as a small upright square, drawn anew: nothing of the file but what is
    /// seen in it goes on. What is no image from one end to the other is refused. Works off the async
    /// threads, in bounded memory and time whatever the image, and turns away what would wait too
    /// long.
    async fn make(&self, image: Vec<u8>) -> Result<ShownPicture, PictureRefused>;

    /// The whole of an image, upright and small, drawn anew: nothing of the file but what is seen in
    /// it goes on. Takes larger images than [`make`](PictureProcessor::make), under the same promises.
    async fn preview(&self, image: Vec<u8>) -> Result<Preview, PictureRefused>;
}

/// Why no picture is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureRefused {
    /// It is no image, one of another kind, a damaged one, or one with something behind it.
    #[error("this is not a whole PNG, JPEG, WebP or GIF image and nothing else")]
    Unreadable,
    /// It has too many pixels or frames, or takes too much to draw.
    #[error("the image takes too much to draw; send one with fewer pixels or frames")]
    TooLarge,
    /// Too many are being made, or none can be.
    #[error("too many pictures are being made; try again in a moment")]
    Busy,
}
