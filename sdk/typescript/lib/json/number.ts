/** Whole numbers out of the text that they came as, so that none loses a digit. */

/** Whether it is a whole number from 0 to 2^64 - 1, without a fraction and an exponent. */
export function isU64(number: string): bool {
  return isWhole(number, 0, "18446744073709551615");
}

/** Whether it is a whole number from -2^63 to 2^63 - 1. */
export function isI64(number: string): bool {
  if (number.charCodeAt(0) == 0x2d) return isWhole(number, 1, "9223372036854775808");
  return isWhole(number, 0, "9223372036854775807");
}

/** The number that a text is of which one of the above is true. */
export function whole(number: string): u64 {
  let value: u64 = 0;
  const negative = number.charCodeAt(0) == 0x2d;
  for (let i = negative ? 1 : 0; i < number.length; i++) {
    value = value * 10 + (number.charCodeAt(i) - 0x30);
  }
  return negative ? 0 - value : value;
}

/** Digits alone from `from` on, no more than `most`. JSON's numbers begin with no 0. */
function isWhole(number: string, from: i32, most: string): bool {
  const digits = number.length - from;
  if (digits == 0 || digits > most.length) return false;
  for (let i = from; i < number.length; i++) {
    const digit = number.charCodeAt(i);
    if (digit < 0x30 || digit > 0x39) return false;
  }
  return digits < most.length || number.substring(from) <= most;
}
