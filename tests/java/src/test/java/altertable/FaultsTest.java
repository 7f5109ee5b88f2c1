package altertable;

import static altertable.Rows.query;
import static altertable.Rows.update;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonParser;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Faults as the Flight SQL JDBC driver meets them, which asks nothing twice by itself. */
class FaultsTest {
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  static MockServer server;
  String user;
  Connection connection;

  @BeforeAll
  static void start() throws Exception {
    server = new MockServer("--allow-any-user");
  }

  @AfterAll
  static void stop() {
    assertTrue(server.alive(), "the server ended during the tests");
    server.close();
  }

  @BeforeEach
  void connect() throws SQLException {
    user = "user-" + UUID.randomUUID();
    connection = server.connect(user, "secret");
  }

  @AfterEach
  void disconnect() throws Exception {
    plane("DELETE", "faults", "");
    connection.close();
  }

  /** What the control plane answers. */
  private String plane(String method, String path, String body) throws Exception {
    var login = Base64.getEncoder().encodeToString((user + ":secret").getBytes(StandardCharsets.UTF_8));
    var request = HttpRequest.newBuilder(URI.create("http://" + server.lakehouse() + "/_mock/v1/" + path))
        .header("Authorization", "Basic " + login)
        .header("Content-Type", "application/json")
        .method(method, BodyPublishers.ofString(body));
    var answer = HTTP.send(request.build(), BodyHandlers.ofString());
    assertTrue(answer.statusCode() < 300, () -> method + " " + path + ": " + answer.body());
    return answer.body();
  }

  /** Sets a rule, and returns its id. */
  private String rule(String rule) throws Exception {
    return JsonParser.parseString(plane("POST", "faults", rule)).getAsJsonObject().get("id").getAsString();
  }

  private int acted(String id) throws Exception {
    return JsonParser.parseString(plane("GET", "faults/" + id, "")).getAsJsonObject().get("acted").getAsInt();
  }

  @ParameterizedTest
  @CsvSource({
    "DoAction CreatePreparedStatement, UNAVAILABLE", "GetFlightInfo CommandPreparedStatementQuery, UNAVAILABLE",
    "DoGet, RESOURCE_EXHAUSTED", "DoGet, INTERNAL",
  })
  void aFailureIsToldWithItsTextAndTheNextStatementRuns(String operation, String status) throws Exception {
    var refusing = rule("""
        {"match": {"operation": "%s"}, "times": 1,
         "do": {"status": "%s", "message": "for a while", "retry_after_ms": 10}}""".formatted(operation, status));
    var error = assertThrows(SQLException.class, () -> query(connection, "SELECT 41"));
    assertTrue(textOf(error).contains("for a while"), textOf(error));
    assertEquals(1, acted(refusing));
    assertEquals(List.of(List.of(42)), query(connection, "SELECT 42"));
  }

  private static String textOf(Throwable error) {
    return error == null ? "" : error.getMessage() + "\n" + textOf(error.getCause());
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"status\": \"DATA_LOSS\"", "\"cut\": \"reset\"", "\"torn\": true"})
  void aResultThatFailsInItsMiddleIsNoWholeResult(String effect) throws Exception {
    var striking = rule("""
        {"match": {"statement": "range"}, "times": 1, "do": {%s, "after": {"batches": 1}}}""".formatted(effect));
    assertThrows(Exception.class, () -> query(connection, "FROM range(50000)"));
    assertEquals(1, acted(striking));
    try (var another = server.connect(user, "secret")) {
      assertEquals(50_000, query(another, "FROM range(50000)").size());
    }
  }

  @Test
  void aChangeWhoseAnswerIsLostWasMade() throws Exception {
    update(connection, "CREATE TABLE lost (a INTEGER)");
    var losing = rule("""
        {"match": {"operation": "DoPut CommandPreparedStatementUpdate"}, "times": 1, "do": {"lost_ack": true}}""");
    assertThrows(SQLException.class, () -> update(connection, "INSERT INTO lost VALUES (1)"));
    assertEquals(1, acted(losing));
    try (var another = server.connect(user, "secret")) {
      assertEquals(List.of(List.of(1L)), query(another, "SELECT count(*) FROM lost"));
    }
  }

  @Test
  void aSessionThatExpiredIsToldSo() throws Exception {
    var expiring = rule("""
        {"match": {"door": "flight"}, "times": 1, "do": {"expire": true}}""");
    var error = assertThrows(SQLException.class, () -> query(connection, "SELECT 1"));
    assertTrue(textOf(error).contains("Session expired"), textOf(error));
    assertEquals(1, acted(expiring));
    try (var another = server.connect(user, "secret")) {
      assertEquals(List.of(List.of(1)), query(another, "SELECT 1"));
    }
  }

  @Test
  void aStatementThatHangsIsGivenUpByItsTimeout() throws Exception {
    var hanging = rule("""
        {"match": {"operation": "DoGet"}, "do": {"hang": true}}""");
    assertTimeoutPreemptively(Duration.ofSeconds(30), () -> {
      try (var statement = connection.createStatement()) {
        statement.setQueryTimeout(1);
        assertThrows(SQLException.class, () -> Rows.all(statement.executeQuery("SELECT 'hangs'")));
      }
    });
    assertTrue(acted(hanging) >= 1);
  }

  @Test
  void aSlowResultArrivesWhole() throws Exception {
    var slow = rule("""
        {"match": {"statement": "range"}, "do": {"delay_ms": 50, "jitter_ms": 10, "per_batch_ms": 20}}""");
    assertEquals(50_000, query(connection, "FROM range(50000)").size());
    assertTrue(acted(slow) >= 1);
  }
}
