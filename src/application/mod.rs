//! What is known about MaiBot itself: its components and their names, the versions of chart, images and
//! configuration that belong together, the agreements a version asks for, and the fields of its configuration files
//! that a deployment has to set.
//!
//! Pure: texts and values come in, texts and findings go out. Nothing here touches network, clock or file system.
//! The facts are those of the official chart 0.12.2 and of the programs it starts; they live in the data files
//! beside the code (`components.yaml`, `values_keys.yaml`, `versions.yaml`) and are compared with the recorded ones by tests.

pub mod components;
pub mod config;
pub mod consent;
pub mod env_text;
pub mod files;
pub mod images;
pub mod names;
pub mod toml_text;
pub mod values_keys;
pub mod versions;
