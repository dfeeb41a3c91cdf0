// Package asked is what a plugin asks for, for those who tell the host of it.
package asked

// Names are of capabilities.
var Names []string
