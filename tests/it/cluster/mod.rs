//! The program on a real cluster, beside real Helm.
