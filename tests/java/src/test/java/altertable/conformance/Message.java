package altertable.conformance;

import com.google.gson.FieldNamingPolicy;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonDeserializer;
import com.google.gson.JsonPrimitive;
import com.google.gson.JsonSerializer;
import java.util.Base64;
import java.util.List;

/** What the program says: a call, with the fields of its kind; or to resume one, or to hang up; or a verdict. */
record Message(
    Long resume, Long hangUp, Verdict verdict, long call, long connection, String kind, Integer pauseAfter, String url,
    String method, List<List<String>> headers, byte[] body, String address, List<List<String>> metadata,
    String statement, int requests, byte[] command, byte[] ticket, byte[] arrow, Integer breakAfter, String type,
    String path) {
  /** What became of a case: passed, failed or skipped. */
  record Verdict(long connection, String id, String outcome, String reason) {}

  private static final JsonDeserializer<byte[]> DECODE =
      (json, type, gson) -> Base64.getDecoder().decode(json.getAsString());
  private static final JsonSerializer<byte[]> ENCODE =
      (bytes, type, gson) -> new JsonPrimitive(Base64.getEncoder().encodeToString(bytes));

  /** JSON in which bytes are base64. */
  static final Gson JSON = new GsonBuilder().setFieldNamingPolicy(FieldNamingPolicy.LOWER_CASE_WITH_UNDERSCORES)
      .registerTypeAdapter(byte[].class, DECODE).registerTypeAdapter(byte[].class, ENCODE).serializeNulls().create();
}
