// Package interop compares this module with Microsoft's clients for the same
// services: both send the same requests and have the same models and enumerations,
// Microsoft's run against our fake server, and benchmarks measure both on the same
// bytes. Folders migrating, observability and simulation have what those pages of docs
// show, exempting and publishing what the pages of those names show of Microsoft's clients; folder
// javascript has a client for cmd/armsecops-fake. It is a module of its own, so that the
// library depends on none of it.
package interop
