//! The cookie by which a browser is known again, in one place for all ways to sign in: it goes out
//! with every session that begins.
use crate::cookies::Cookies;
use application::ports::{Entropy, EntropyExt};
use domain::token::DeviceToken;
use poem::{
    Endpoint, IntoResponse, Request, Response, Result,
    http::{HeaderValue, header},
};
use std::sync::Arc;

/// Stands around everything that may sign somebody in.
pub struct DeviceCookies<E> {
    /// Signs in.
    pub inner: E,
    /// Writes the cookies.
    pub cookies: Cookies,
    /// Makes the token of a browser that has none.
    pub entropy: Arc<dyn Entropy>,
}

impl<E: Endpoint> Endpoint for DeviceCookies<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let token = self
            .cookies
            .device(&request)
            .unwrap_or_else(|| DeviceToken::mint(self.entropy.bytes()));
        request.set_data(token.clone());
        let mut response = self.inner.call(request).await?.into_response();
        if self.signs_in(&response)
            && let Ok(cookie) = HeaderValue::from_str(&self.cookies.set_device(&token))
        {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(response)
    }
}

impl<E> DeviceCookies<E> {
    fn signs_in(&self, response: &Response) -> bool {
        let set = response.headers().get_all(header::SET_COOKIE).into_iter();
        set.filter_map(|cookie| cookie.to_str().ok()).any(|cookie| self.cookies.signs_in(cookie))
    }
}
