package altertable;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Date;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.Calendar;
import java.util.List;
import java.util.TimeZone;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Values of every type read through the driver, in plaintext and over TLS. */
class TypesTest {
  @TempDir static Path folder;
  static MockServer server;
  static Connection connection;

  @BeforeAll
  static void start() throws Exception {
    server = new MockServer("--allow-any-user", "--tls", "--tls-ca-file", folder.resolve("ca.pem").toString());
    connection = server.connectAsNewUser();
  }

  @AfterAll
  static void stop() throws SQLException {
    connection.close();
    assertTrue(server.alive(), "the server ended during the tests");
    server.close();
  }

  static Stream<Arguments> scalars() {
    return Stream.of(
        arguments("true", true),
        arguments("(-128)::TINYINT", (byte) -128),
        arguments("(-32768)::SMALLINT", (short) -32768),
        arguments("(-2147483648)::INTEGER", Integer.MIN_VALUE),
        arguments("9223372036854775807::BIGINT", Long.MAX_VALUE),
        arguments("170141183460469231731687303715884105727::HUGEINT", new BigDecimal("170141183460469231731687303715884105727")),
        arguments("1.5::FLOAT", 1.5),
        arguments("-2.25::DOUBLE", -2.25),
        arguments("12345678.90::DECIMAL(10, 2)", new BigDecimal("12345678.90")),
        arguments("'naïve 🦆'", "naïve 🦆"),
        arguments("''", ""),
        arguments("'sad'::ENUM ('happy', 'sad')", "sad"),
        arguments("'{\"a\": [1, null]}'::JSON", "{\"a\": [1, null]}"),
        arguments("'6ccd780c-baba-1026-9564-5b8c656024db'::UUID", "6ccd780c-baba-1026-9564-5b8c656024db"),
        arguments("DATE '2024-02-29'", Date.valueOf("2024-02-29")));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("scalars")
  void aScalarReadsBack(String sql, Object value) throws SQLException {
    assertEquals(List.of(List.of(value)), Rows.query(connection, "SELECT " + sql));
  }

  // Above these the driver reads UTINYINT and UINTEGER as negative.
  @ParameterizedTest
  @ValueSource(strings = {"127::UTINYINT", "65535::USMALLINT", "2147483647::UINTEGER", "9223372036854775807::UBIGINT"})
  void anUnsignedNumberReadsBack(String sql) throws SQLException {
    try (var results = one("SELECT " + sql)) {
      assertTrue(results.next());
      assertEquals(Long.parseLong(sql.replaceAll("::.*", "")), results.getLong(1));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "BOOLEAN", "TINYINT", "INTEGER", "BIGINT", "HUGEINT", "DOUBLE", "DECIMAL(18, 3)", "VARCHAR", "BLOB", "DATE", "TIME", "TIMESTAMP",
    "UUID", "JSON", "INTEGER[]", "INTEGER[2]", "STRUCT(a INTEGER)", "MAP(VARCHAR, INTEGER)"
  })
  void aNullIsNull(String type) throws SQLException {
    try (var results = one("SELECT NULL::" + type)) {
      assertTrue(results.next());
      assertNull(results.getObject(1));
      assertTrue(results.wasNull());
    }
  }

  @Test
  void aNullPointInTimeIsNull() throws SQLException {
    // The driver has no getObject for times with a zone.
    try (var results = one("SELECT NULL::TIMESTAMPTZ")) {
      assertTrue(results.next());
      assertNull(results.getTimestamp(1));
    }
  }

  @Test
  void bytesReadBack() throws SQLException {
    try (var results = one("SELECT '\\x00\\x01\\xFFa'::BLOB")) {
      assertTrue(results.next());
      assertArrayEquals(new byte[] {0, 1, -1, 'a'}, results.getBytes(1));
    }
  }

  @Test
  void timesReadBack() throws SQLException {
    var utc = Calendar.getInstance(TimeZone.getTimeZone("UTC"));
    try (var results = one("SELECT TIME '13:45:07.123456' t, TIMESTAMP '2024-02-29 13:45:07.125' ts, TIMESTAMPTZ '2024-02-29 13:45:07.125+02' tz, "
        + "TIMESTAMP_S '2024-02-29 13:45:07' s, TIMESTAMP_NS '2024-02-29 13:45:07.123456789' ns")) {
      assertTrue(results.next());
      assertEquals(49507123L, results.getTime("t", utc).getTime());
      assertEquals(1709214307125L, results.getTimestamp("ts", utc).getTime());
      assertEquals(1709214307125L - 7200000L, results.getTimestamp("tz").getTime());
      assertEquals(1709214307000L, results.getTimestamp("s", utc).getTime());
      assertEquals(1709214307123L, results.getTimestamp("ns", utc).getTime());
    }
  }

  @Test
  void nestedValuesReadBack() throws SQLException {
    assertEquals(List.of("[1,null,3]"), Rows.texts(one("SELECT [1, NULL, 3] AS v"), "v"));
    assertEquals(List.of("[1.5,2.5]"), Rows.texts(one("SELECT [1.5, 2.5]::DOUBLE[2] AS v"), "v"));
    assertEquals(List.of("{\"a\":1,\"b\":\"x\"}"), Rows.texts(one("SELECT {a: 1, b: 'x'} AS v"), "v"));
    assertEquals(List.of("{\"k\":[1,2]}"), Rows.texts(one("SELECT {k: [1, 2]} AS v"), "v"));
    assertEquals(List.of("7"), Rows.texts(one("SELECT union_value(n := 7) AS v"), "v"));
    assertEquals(List.of("{\"x\":1,\"y\":2}"), Rows.texts(one("SELECT MAP {'x': 1, 'y': 2} AS v"), "v"));
  }

  @Test
  void aListReadsAsAnArray() throws SQLException {
    try (var results = one("SELECT ['a', 'b'] AS v")) {
      assertTrue(results.next());
      assertEquals("[a, b]", Arrays.toString((Object[]) results.getArray(1).getArray()));
    }
  }

  @Test
  void anIntervalReadsBack() throws SQLException {
    try (var results = one("SELECT INTERVAL '14 months 3 days 4 hours' AS v")) {
      assertTrue(results.next());
      assertEquals("P14M3D PT4H", results.getObject(1).toString());
    }
  }

  @Test
  void tlsWithTheAuthorityTheServerWrites() throws Exception {
    var authority = folder.resolve("ca.pem");
    assertTrue(Files.readString(authority).startsWith("-----BEGIN CERTIFICATE-----"));
    try (var secure = server.connectAsNewUser("useEncryption", "true", "useSystemTrustStore", "false", "tlsRootCerts", authority.toString())) {
      assertEquals(List.of(List.of(42)), Rows.query(secure, "SELECT 42"));
    }
  }

  @Test
  void tlsWithoutTheAuthorityIsRefused() {
    var error = assertThrows(SQLException.class,
        () -> server.connectAsNewUser("useEncryption", "true").close());
    assertTrue(StatementTest.messages(error).contains("certification path"), StatementTest.messages(error));
  }

  private static ResultSet one(String sql) throws SQLException {
    var statement = connection.createStatement();
    statement.closeOnCompletion();
    return statement.executeQuery(sql);
  }
}
