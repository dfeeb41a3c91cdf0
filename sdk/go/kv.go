package plugbay

// Bytes by key, kept for this plugin over restarts. They take Filesystem. Here nil is no value, and an
// empty slice an empty one.

// KVGet is the value of a key.
func KVGet(key []byte) ([]byte, error) {
	result := hostKVGet(at(key))
	if result <= 0 {
		return nil, checked(result)
	}
	return Answer(1), nil
}

// KVSet sets the value of a key. It is on disk then.
func KVSet(key, value []byte) error {
	keyStart, keyLength := at(key)
	start, length := at(value)
	return checked(hostKVSet(keyStart, keyLength, start, length))
}

// KVDelete deletes a key, and says whether it was there.
func KVDelete(key []byte) (bool, error) {
	result := hostKVDelete(at(key))
	return result > 0, checked(result)
}

// KVSwap sets a value where the present one is old, in one step. If it is another, done is false and other
// is that one.
func KVSwap(key, old, value []byte) (done bool, other []byte, err error) {
	keyStart, keyLength := at(key)
	oldStart, oldLength := atOptional(old)
	start, length := atOptional(value)
	result := hostKVSwap(keyStart, keyLength, oldStart, oldLength, start, length)
	if result == 0 {
		return false, Answer(1), nil
	}
	return result > 0, nil, checked(result)
}
