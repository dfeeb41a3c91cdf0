package hooks

// Call calls a hook with a document, as the host does. Nothing is "no output".
func Call(hook, document string) []byte { return call(hook, document) }
