//! A password that nobody can guess: one that documents tell, or that people take from their heads, would let
//! everybody on the network run programs on the boards.

use anyhow::{Context, Result, ensure};
use cpy_board::Password;
use rustix::rand::{GetRandomFlags, getrandom};

/// What is easy to type and to tell apart: no `l` beside `1`, no `o` beside `0`. 32 of them, so that each
/// is as likely as any other.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// 40 bits, against an adversary whom the gateway slows down.
const LENGTH: usize = 8;

/// A password that nobody can guess.
pub(crate) fn generate() -> Result<Password> {
    let mut random = [0; LENGTH];
    let got =
        getrandom(&mut random[..], GetRandomFlags::empty()).context("cannot make a password")?;
    ensure!(
        got == LENGTH,
        "cannot make a password: the system gives too little randomness"
    );
    let letters = random
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    Ok(Password::try_from(letters.collect::<String>())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_easy_to_type_and_never_the_same() {
        let passwords: Vec<Password> = (0..20).map(|_| generate().unwrap()).collect();
        for (number, password) in passwords.iter().enumerate() {
            let text = password.reveal();
            assert!(
                text.len() == LENGTH && text.bytes().all(|b| LETTERS.contains(&b)),
                "{text}"
            );
            assert!(!passwords[..number].contains(password), "{text}");
        }
    }
}
