//! What lintian says of the packages. Each release of Debian has its own.

use crate::container::Container;
use crate::deb::deb;
use crate::{Suite, on_each_suite};

on_each_suite!(finds_no_error_and_no_warning);

fn finds_no_error_and_no_warning(suite: Suite) {
    let container = Container::boot(suite);
    for architecture in ["amd64", "arm64"] {
        let at = format!("/root/{architecture}.deb");
        container.put(&deb(architecture), &at);
        let said = container.run(&format!(
            "lintian --allow-root --fail-on none --tag-display-limit 0 {at}"
        ));
        assert!(
            !said
                .lines()
                .any(|line| line.starts_with("E:") || line.starts_with("W:")),
            "{said}"
        );
    }
}
