//! `registry login` and `registry logout`.

use super::Registry;
use super::auth::Grant;
use super::credentials::Credential;
use super::error::Error;
use super::reference::check_registry;
use super::settings::Login;

impl Registry {
    /// Asks the registry whether it takes this login, and keeps it if so.
    ///
    /// # Errors
    /// If the registry does not take it or cannot be reached, or the credentials cannot be kept.
    pub async fn login(&self, host: &str, login: &Login) -> Result<(), Error> {
        check_registry(host)?;
        let mut client = self.client(host, true);
        let first = client.ping().await;
        if let Err(error) = first {
            if matches!(error.root(), Error::Network(_) | Error::Interrupted | Error::Offline(_)) {
                return Err(Error::Login { host: host.to_owned(), error: Box::new(error) });
            }
            // Some token services know only the password grant of OAuth2.
            client.auth().grant = Grant::OAuth2;
            if client.ping().await.is_err() {
                return Err(Error::Login { host: host.to_owned(), error: Box::new(error) });
            }
        }
        client.auth().credentials().store(host, &Credential::typed(login)).await
    }

    /// Forgets the credentials of a host.
    ///
    /// # Errors
    /// If the file or helper that keeps them cannot be changed.
    pub async fn logout(&self, host: &str) -> Result<(), Error> {
        let mut client = self.client(host, false);
        client.auth().credentials().forget(host).await
    }
}
