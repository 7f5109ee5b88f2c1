package altertable.conformance;

import altertable.conformance.Doors.Arrivals;
import com.google.gson.JsonSyntaxException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.arrow.memory.BufferAllocator;

/** HTTP and socket steps. */
record HttpDoor(Target.Server server, BufferAllocator allocator) {
  private static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private static final int SOCKET_PATIENCE_MS = 15_000;

  /** The request that a step describes. */
  HttpRequest request(String verb, String line, Map<String, Object> step, Account account) throws IOException {
    var parts = line.split(" ", 2);
    var url = new StringBuilder(server.door(verb) + parts[1]);
    Data.asMap(step.get("query")).forEach((name, value) -> url.append(url.indexOf("?") < 0 ? '?' : '&')
        .append(URLEncoder.encode(name, StandardCharsets.UTF_8)).append('=')
        .append(URLEncoder.encode(Data.asText(value), StandardCharsets.UTF_8)));
    var body = body(step).map(BodyPublishers::ofByteArray).orElse(BodyPublishers.noBody());
    try {
      var request = HttpRequest.newBuilder(URI.create(url.toString())).method(parts[0], body);
      headers(step, account.credentials(step.get("auth"), verb.equals("analytics")))
          .forEach((name, values) -> values.forEach(value -> request.header(name, value)));
      return request.build();
    } catch (IllegalArgumentException refused) {
      throw new Unsupported("sends a request that java.net.http refuses");
    }
  }

  private static Map<String, List<String>> headers(Map<String, Object> step, Map<String, String> credentials) {
    var headers = new LinkedHashMap<String, List<String>>();
    if (step.containsKey("json")) {
      headers.put("content-type", List.of("application/json"));
    }
    credentials.forEach((name, value) -> headers.put(name, List.of(value)));
    Data.asMap(step.get("headers")).forEach((name, value) -> {
      var values = value instanceof List ? Data.texts(value) : Stream.ofNullable(value).map(Data::asText).toList();
      headers.put(name.toLowerCase(), values);
    });
    return headers;
  }

  private Optional<byte[]> body(Map<String, Object> step) throws IOException {
    if (step.containsKey("json")) {
      return Optional.of(Data.encode(step.get("json")).getBytes(StandardCharsets.UTF_8));
    } else if (step.containsKey("file")) {
      return Optional.of(Files.readAllBytes(Spec.FOLDER.resolve((String) step.get("file"))));
    } else if (step.containsKey("arrow")) {
      var arrow = Data.asMap(step.get("arrow"));
      return Optional.of(Upload.of(arrow).bytes(allocator, "file".equals(arrow.get("format"))));
    }
    return Stream.of("text", "base64", "fill").filter(step::containsKey).findFirst().map(kind -> bytes(kind, step.get(kind)));
  }

  private static byte[] bytes(String kind, Object given) {
    if (kind.equals("base64")) {
      return Base64.getDecoder().decode((String) given);
    } else if (kind.equals("text")) {
      return Data.asText(given).getBytes(StandardCharsets.UTF_8);
    }
    var fill = Data.asMap(given);
    var middle = ((String) fill.get("repeat")).repeat(Data.asInt(fill.get("times")));
    return (fill.getOrDefault("head", "") + middle + fill.getOrDefault("tail", "")).getBytes(StandardCharsets.UTF_8);
  }

  /** Sends a request and reads the answer line by line. */
  Map<String, Object> send(HttpRequest request, Arrivals arrivals) throws IOException, InterruptedException {
    var response = CLIENT.send(request, BodyHandlers.ofInputStream());
    var body = new ByteArrayOutputStream();
    var chunk = new byte[1 << 16];
    int lines = 0;
    try (var stream = response.body()) {
      for (int length = stream.read(chunk); length >= 0; length = stream.read(chunk)) {
        int written = 0;
        for (int at = 0; at < length; at++) {
          if (chunk[at] == '\n') {
            body.write(chunk, written, at + 1 - written);
            written = at + 1;
            arrivals.pass(++lines, () -> answer(response, body.toByteArray(), false));
          }
        }
        body.write(chunk, written, length - written);
      }
    } catch (IOException broken) {
      return answer(response, body.toByteArray(), true);
    }
    return answer(response, body.toByteArray(), false);
  }

  private Map<String, Object> answer(HttpResponse<?> response, byte[] body, boolean aborted) {
    var headers = Data.map();
    response.headers().map().forEach((name, values) -> headers.put(name.toLowerCase(), String.join(", ", values)));
    var text = new String(body, StandardCharsets.UTF_8);
    var outcome = Data.map("status", Data.number(response.statusCode()), "headers", headers, "text", text, "aborted", aborted);
    if (body.length > 4 && ByteBuffer.wrap(body).getInt() == -1) {
      outcome.put("arrow", Upload.read(body, allocator));
    } else if (!aborted && isUtf8(body)) {
      put(outcome, "json", () -> Data.parse(text));
      put(outcome, "lines", () -> lines(text));
    }
    return outcome;
  }

  private static void put(Map<String, Object> outcome, String key, Supplier<Object> json) {
    try {
      outcome.put(key, json.get());
    } catch (JsonSyntaxException none) {
      outcome.remove(key);
    }
  }

  private static List<Object> lines(String text) {
    if (!text.endsWith("\n")) {
      throw new JsonSyntaxException("the last line does not end");
    }
    var lines = new ArrayList<>();
    for (var line : text.substring(0, text.length() - 1).split("\n", -1)) {
      lines.add(Data.parse(line));
    }
    return lines;
  }

  private static boolean isUtf8(byte[] bytes) {
    try {
      StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
      return true;
    } catch (CharacterCodingException malformed) {
      return false;
    }
  }

  /** Writes raw bytes to a door and reads until the server closes. */
  Map<String, Object> exchange(String door, Object send) throws IOException {
    var kind = send instanceof String ? "text" : Data.asMap(send).keySet().iterator().next();
    var bytes = bytes(kind, send instanceof String ? send : Data.asMap(send).get(kind));
    var place = server.door(door);
    var answer = new ByteArrayOutputStream();
    boolean closed = true;
    try (var socket = new Socket(place.getHost(), place.getPort())) {
      socket.setSoTimeout(SOCKET_PATIENCE_MS);
      var sending = new Thread(() -> write(socket, bytes), "sending");
      sending.setDaemon(true);
      sending.start();
      socket.getInputStream().transferTo(answer);
    } catch (SocketTimeoutException late) {
      closed = false;
    } catch (IOException reset) {
      closed = true;
    }
    return Data.map("text", answer.toString(StandardCharsets.UTF_8), "closed", closed);
  }

  /** A server that has seen enough closes before everything is sent; its answer still counts. */
  private static void write(Socket socket, byte[] bytes) {
    try {
      socket.getOutputStream().write(bytes);
    } catch (IOException closed) {
      Thread.currentThread().interrupt();
    }
  }
}
