//! What a path names, before it is known which board it is of. Paths below `/fs/` are not looked into:
//! they are file-proxy's.

use hyper::Method;

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource<'a> {
    /// `/`
    Home,
    /// `/code/`
    Code,
    /// `/favicon.ico`
    Favicon,
    /// `/static/...`: what the pages load.
    Static(&'a str),
    /// `/fs/...`, a directory when it ends with a slash.
    Files { directory: bool },
    /// What is kept of `/fs/...`: always a document, never a page.
    Kept(Kept),
    /// `/edit/`
    Edit,
    /// `/cp/serial/`: the console, or the page that shows it.
    Serial,
    /// A document below `/cp/`, or `/peers`.
    Document(Document),
    /// A path below `/cp/` that is nothing.
    UnknownDocument,
    /// A page that was asked for without its last slash; the path with it.
    Slashless(&'static str),
    /// Nothing.
    Unknown,
}

/// What file-proxy keeps of files, as a query names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// `?history`: what a file held before, or the files below a directory.
    History,
    /// `?history=<number>`: one of these contents.
    Version,
    /// `?lost`: what was on a drive before it was wiped.
    Lost,
}

/// The public JSON documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    Version,
    Devices,
    DiskInfo,
    Board,
    Boards,
}

impl<'a> Resource<'a> {
    pub(crate) fn of(path: &'a str) -> Self {
        match path {
            "/" => Self::Home,
            "/code/" => Self::Code,
            "/edit/" => Self::Edit,
            "/cp/serial/" => Self::Serial,
            "/favicon.ico" => Self::Favicon,
            "/cp/version.json" => Self::Document(Document::Version),
            "/cp/devices.json" | "/peers" => Self::Document(Document::Devices),
            "/cp/diskinfo.json" => Self::Document(Document::DiskInfo),
            "/cp/board.json" => Self::Document(Document::Board),
            "/cp/boards.json" => Self::Document(Document::Boards),
            "/code" => Self::Slashless("/code/"),
            "/edit" => Self::Slashless("/edit/"),
            "/fs" => Self::Slashless("/fs/"),
            "/cp/serial" => Self::Slashless("/cp/serial/"),
            _ if path.starts_with("/fs/") => Self::Files {
                directory: path.ends_with('/'),
            },
            _ if path.starts_with("/cp/") => Self::UnknownDocument,
            _ => match path.strip_prefix("/static/") {
                Some(name) => Self::Static(name),
                None => Self::Unknown,
            },
        }
    }

    /// What it names together with the query behind it.
    pub(crate) fn with(self, query: Option<&str>) -> Self {
        let kept = query.and_then(Kept::of);
        match (self, kept) {
            (Self::Files { .. }, Some(kept)) => Self::Kept(kept),
            _ => self,
        }
    }

    /// Whether only a board has it: the gateway's own address passes it on to a board that is alone.
    pub(crate) fn is_of_a_board(self) -> bool {
        match self {
            Self::Files { .. }
            | Self::Kept(_)
            | Self::Edit
            | Self::Code
            | Self::Serial
            | Self::Document(_)
            | Self::UnknownDocument => true,
            Self::Home | Self::Favicon | Self::Static(_) | Self::Slashless(_) | Self::Unknown => {
                false
            }
        }
    }

    /// Whether it is of no use without the board itself. The welcome page and `/code/` are shown all the same,
    /// and say that it is missing.
    pub(crate) fn needs_the_board(self) -> bool {
        match self {
            Self::Document(Document::Board | Document::Boards) | Self::Code => false,
            _ => self.is_of_a_board(),
        }
    }

    pub(crate) fn needs_password(self) -> bool {
        matches!(
            self,
            Self::Files { .. } | Self::Kept(_) | Self::Edit | Self::Serial
        )
    }

    /// Whether a page without an origin of its own (after a redirect) may read it.
    pub(crate) fn is_public_document(self) -> bool {
        matches!(self, Self::Document(_))
    }

    /// Whether OPTIONS tells what pages from elsewhere may do with it.
    pub(crate) fn has_options(self) -> bool {
        matches!(
            self,
            Self::Files { .. }
                | Self::Kept(_)
                | Self::Serial
                | Self::Document(_)
                | Self::UnknownDocument
        )
    }

    /// The methods that it takes, as the Allow header lists them.
    pub(crate) fn allow(self) -> &'static str {
        match self {
            Self::Files { directory: true } => "GET, HEAD, OPTIONS, PUT, DELETE, MOVE, POST",
            Self::Files { directory: false } => "GET, HEAD, OPTIONS, PUT, DELETE, MOVE",
            Self::Kept(Kept::Version) => "GET, HEAD, OPTIONS, PUT",
            Self::Kept(Kept::Lost) => "GET, HEAD, OPTIONS, PUT, DELETE",
            _ if self.has_options() => "GET, HEAD, OPTIONS",
            _ => "GET, HEAD",
        }
    }

    pub(crate) fn allows(self, method: &Method) -> bool {
        self.allow()
            .split(", ")
            .any(|allowed| allowed == method.as_str())
    }
}

impl Kept {
    /// What a query names; none where it names something else, which the web workflow does not know.
    fn of(query: &str) -> Option<Self> {
        let (key, number) = match query.split_once('=') {
            Some((key, number)) => (key, Some(number)),
            None => (query, None),
        };
        match (key.to_ascii_lowercase().as_str(), number) {
            ("history", None) => Some(Self::History),
            ("history", Some(_)) => Some(Self::Version),
            ("lost", None) => Some(Self::Lost),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_what_the_web_workflow_says() {
        let file = Resource::Files { directory: false };
        let directory = Resource::Files { directory: true };
        for (path, resource) in [
            ("/", Resource::Home),
            ("/fs/", directory),
            ("/fs//", directory),
            ("/fs/lib/", directory),
            ("/fs/code.py", file),
            ("/fs//code.py", file),
            ("/fs/../x", file),
            ("/fs", Resource::Slashless("/fs/")),
            ("/peers", Resource::Document(Document::Devices)),
            ("/cp/version.json", Resource::Document(Document::Version)),
            ("/cp/serial", Resource::Slashless("/cp/serial/")),
            ("/cp/nothing.json", Resource::UnknownDocument),
            ("/cp/", Resource::UnknownDocument),
            (
                "/static/shared/page.css",
                Resource::Static("shared/page.css"),
            ),
            ("/static", Resource::Unknown),
            ("//fs/", Resource::Unknown),
            ("/FS/", Resource::Unknown),
            ("*", Resource::Unknown),
            ("", Resource::Unknown),
        ] {
            assert_eq!(Resource::of(path), resource, "{path}");
        }
    }

    #[test]
    fn the_password_guards_files_editor_and_console_only() {
        for (path, guarded) in [
            ("/fs/", true),
            ("/fs/code.py", true),
            ("/edit/", true),
            ("/cp/serial/", true),
            ("/", false),
            ("/code/", false),
            ("/favicon.ico", false),
            ("/static/x", false),
            ("/cp/version.json", false),
            ("/cp/diskinfo.json", false),
            ("/cp/board.json", false),
            ("/peers", false),
        ] {
            assert_eq!(Resource::of(path).needs_password(), guarded, "{path}");
        }
    }

    #[test]
    fn methods_are_those_of_the_protocol() {
        for (path, method, allowed) in [
            ("/fs/a", "MOVE", true),
            ("/fs/a", "POST", false),
            ("/fs/a/", "POST", true),
            ("/fs/a", "PATCH", false),
            ("/fs/a", "get", false),
            ("/cp/version.json", "HEAD", true),
            ("/cp/version.json", "POST", false),
            ("/edit/", "OPTIONS", false),
            ("/", "PUT", false),
            ("/", "HEAD", true),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(
                Resource::of(path).allows(&method),
                allowed,
                "{method} {path}"
            );
        }
    }

    #[test]
    fn what_is_kept_takes_other_methods_than_files() {
        for (path, query, allow) in [
            ("/fs/", "history", "GET, HEAD, OPTIONS"),
            ("/fs/code.py", "History", "GET, HEAD, OPTIONS"),
            ("/fs/code.py", "history=7", "GET, HEAD, OPTIONS, PUT"),
            ("/fs/", "lost", "GET, HEAD, OPTIONS, PUT, DELETE"),
            (
                "/fs/a",
                "histories",
                "GET, HEAD, OPTIONS, PUT, DELETE, MOVE",
            ),
            ("/", "history", "GET, HEAD"),
        ] {
            let resource = Resource::of(path).with(Some(query));
            assert_eq!(resource.allow(), allow, "{path}?{query}");
            let same = Resource::of(path);
            assert_eq!(resource.needs_password(), same.needs_password());
            assert_eq!(resource.is_of_a_board(), same.is_of_a_board());
            assert_eq!(resource.has_options(), same.has_options());
        }
    }
}
