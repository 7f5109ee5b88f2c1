package altertable.conformance;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.UUID;

/** A user and its API key. */
record Account(String user, String password, String key) {
  /** A user nobody has seen before; its API key is its name (LX-13). */
  static Account fresh() {
    var user = "user-" + UUID.randomUUID();
    return new Account(user, "pw:" + UUID.randomUUID(), user);
  }

  /** What the spec calls its parts. */
  Map<String, String> variables() {
    return Map.of("user", user, "password", password, "api_key", key);
  }

  /** The header that a step's {@code auth} asks for; this account's own if it says nothing. */
  Map<String, String> credentials(Object auth, boolean analytics) {
    if (auth == null && analytics) {
      return Map.of("x-api-key", key);
    } else if (auth == null || auth.equals("basic")) {
      return Map.of("authorization", basic(user + ":" + password));
    } else if (auth.equals("none")) {
      return Map.of();
    }
    var given = Data.asMap(auth).entrySet().iterator().next();
    var value = Data.asText(given.getValue());
    return switch (given.getKey()) {
      case "basic" -> Map.of("authorization", basic(value));
      case "bearer" -> Map.of("authorization", "Bearer " + value);
      case "api_key" -> Map.of("x-api-key", value);
      default -> Map.of("authorization", value);
    };
  }

  private static String basic(String pair) {
    return "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8));
  }
}
