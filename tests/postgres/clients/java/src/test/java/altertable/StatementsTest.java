package altertable;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.Array;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyManager;
import org.postgresql.util.PGInterval;

/** Statements, values, transactions and COPY. */
class StatementsTest {
    private static final String ENDLESS =
            "SELECT sum((a.i * b.i) % 7) FROM generate_series(1, 1000000) a(i), generate_series(1, 1000000) b(i)";

    /** A statement is prepared by the server from its `prepareThreshold`th run on, and read in binary then: -1 is at once. */
    @ParameterizedTest
    @CsvSource({"0, true", "1, true", "-1, true", "3, true", "3, false"})
    void valuesGoBothWays(String threshold, String binary) throws SQLException {
        LocalDateTime time = LocalDateTime.of(2024, 2, 29, 12, 34, 56, 789_000_000);
        try (Connection connection =
                        Database.connect("prepareThreshold", threshold, "binaryTransfer", binary);
                PreparedStatement statement = connection.prepareStatement(
                        "SELECT ?::int AS i, ?::bigint AS b, ?::numeric(10,2) AS n, ?::float8 AS f, ?::boolean AS t, ?::text AS s, ?::date AS d,"
                                + " ?::timestamp AS ts, ?::timestamptz AS tz, ?::uuid AS u, ?::bytea AS y, ?::int[] AS a, ?::time AS c, ?::text AS x")) {
            for (int round = 0; round < 7; round++) {
                Object[] values = {
                    round, 1L << 40, new BigDecimal("12.50"), 0.1, true, "it's", LocalDate.of(2024, 2, 29), time,
                    time.atOffset(ZoneOffset.UTC), UUID.fromString("6b1c53a6-3c9a-4b0c-9e6f-0a8a4f8d8f3c"),
                    new byte[] {0, 1, -1}, connection.createArrayOf("int4", new Integer[] {1, 2}), LocalTime.of(1, 2, 3)
                };
                for (int at = 0; at < values.length; at++) {
                    statement.setObject(at + 1, values[at]);
                }
                statement.setNull(14, Types.VARCHAR);
                try (ResultSet result = statement.executeQuery()) {
                    assertTrue(result.next());
                    assertEquals(round, result.getInt("i"));
                    assertEquals(1L << 40, result.getLong("b"));
                    assertEquals(values[2], result.getBigDecimal("n"));
                    assertEquals(0.1, result.getDouble("f"));
                    assertTrue(result.getBoolean("t"));
                    assertEquals("it's", result.getString("s"));
                    assertEquals(values[6], result.getObject("d", LocalDate.class));
                    assertEquals(time, result.getObject("ts", LocalDateTime.class));
                    assertEquals(values[8], result.getObject("tz", OffsetDateTime.class));
                    assertEquals(values[9], result.getObject("u"));
                    assertArrayEquals(new byte[] {0, 1, -1}, result.getBytes("y"));
                    Array array = result.getArray("a");
                    assertArrayEquals(new Integer[] {1, 2}, (Integer[]) array.getArray());
                    assertEquals(values[12], result.getObject("c", LocalTime.class));
                    assertNull(result.getString("x"));
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"extended", "extendedForPrepared", "extendedCacheEverything", "simple"})
    void everyModeOfAskingGivesTheSame(String mode) throws SQLException {
        try (Connection connection = Database.connect("preferQueryMode", mode);
                PreparedStatement statement = connection.prepareStatement("SELECT ?::int + 1, 'a' || ?::text")) {
            for (int round = 0; round < 7; round++) {
                statement.setInt(1, round);
                statement.setString(2, "b");
                try (ResultSet result = statement.executeQuery()) {
                    assertEquals(List.of(List.<Object>of(round + 1, "ab")), Database.rows(result));
                }
            }
            assertEquals(List.of(List.<Object>of(1, 2)), Database.rows(connection, "SELECT 1, 2"));
        }
    }

    @Test
    void anIntervalKeepsItsParts() throws SQLException {
        try (Connection connection = Database.connect();
                PreparedStatement statement = connection.prepareStatement("SELECT ?::interval")) {
            PGInterval interval = new PGInterval(1, 2, 3, 4, 5, 6.5);
            statement.setObject(1, interval);
            try (ResultSet result = statement.executeQuery()) {
                result.next();
                assertEquals(interval, result.getObject(1));
            }
        }
    }

    @Test
    void rowsComeInPartsInATransaction() throws SQLException {
        try (Connection connection = Database.connect()) {
            connection.setAutoCommit(false);
            try (Statement statement = connection.createStatement()) {
                statement.setFetchSize(100);
                long sum = 0;
                try (ResultSet result = statement.executeQuery("SELECT i FROM generate_series(1, 5000) t(i)")) {
                    while (result.next()) {
                        sum += result.getLong(1);
                    }
                }
                assertEquals(12_502_500, sum);
                // Two at once, each suspended while the other goes on.
                try (Statement other = connection.createStatement()) {
                    other.setFetchSize(7);
                    try (ResultSet one = statement.executeQuery("SELECT i FROM generate_series(1, 300) t(i) ORDER BY i");
                            ResultSet two = other.executeQuery("SELECT i FROM generate_series(1, 300) t(i) ORDER BY i DESC")) {
                        for (int row = 1; row <= 300; row++) {
                            assertTrue(one.next() && two.next());
                            assertEquals(List.of(row, 301 - row), List.of(one.getInt(1), two.getInt(1)));
                        }
                    }
                }
            }
            connection.commit();
        }
    }

    @Test
    void aBatchSaysHowManyRowsEachChanged() throws SQLException {
        for (String rewrite : List.of("false", "true")) {
            try (Connection connection = Database.connect("reWriteBatchedInserts", rewrite)) {
                Database.execute(connection, "CREATE TEMP TABLE batched (id int PRIMARY KEY, words text)");
                try (PreparedStatement insert = connection.prepareStatement("INSERT INTO batched VALUES (?, ?)")) {
                    for (int i = 0; i < 500; i++) {
                        insert.setInt(1, i);
                        insert.setString(2, "row " + i);
                        insert.addBatch();
                    }
                    assertEquals(500, insert.executeBatch().length);
                    insert.setInt(1, 1000);
                    insert.setString(2, "new");
                    insert.addBatch();
                    insert.setInt(1, 7);
                    insert.setString(2, "old");
                    insert.addBatch();
                    SQLException fault = assertThrows(BatchUpdateException.class, insert::executeBatch);
                    assertEquals("23505", fault.getSQLState());
                }
                try (Statement statement = connection.createStatement()) {
                    assertEquals(10, statement.executeUpdate("UPDATE batched SET words = 'x' WHERE id < 10"));
                }
            }
        }
    }

    @Test
    void keysThatAreGeneratedComeBack() throws SQLException {
        try (Connection connection = Database.connect()) {
            Database.execute(connection, "CREATE TABLE generated (id serial PRIMARY KEY, words text)");
            try (PreparedStatement insert = connection.prepareStatement(
                    "INSERT INTO generated (words) VALUES (?)", Statement.RETURN_GENERATED_KEYS)) {
                for (int id = 1; id < 4; id++) {
                    insert.setString(1, "row");
                    assertEquals(1, insert.executeUpdate());
                    try (ResultSet keys = insert.getGeneratedKeys()) {
                        assertTrue(keys.next());
                        assertEquals(id, keys.getInt("id"));
                    }
                }
            }
        }
    }

    /** With autosave the driver puts a savepoint before each statement, and goes back to it when that fails. */
    @Test
    void aTransactionGoesOnAfterAFailureWithAutosave() throws SQLException {
        for (String autosave : List.of("always", "conservative")) {
            try (Connection connection = Database.connect("autosave", autosave)) {
                connection.setAutoCommit(false);
                for (int round = 0; round < 3; round++) {
                    assertEquals(List.of(List.<Object>of(1)), Database.rows(connection, "SELECT 1"));
                    SQLException fault =
                            assertThrows(SQLException.class, () -> Database.rows(connection, "SELECT * FROM nowhere"));
                    assertEquals("42P01", fault.getSQLState());
                    if (autosave.equals("always")) {
                        assertEquals(List.of(List.<Object>of(2)), Database.rows(connection, "SELECT 2"));
                        connection.commit();
                    } else {
                        connection.rollback();
                    }
                }
            }
        }
    }

    @Test
    void aTransactionFailsAsAWholeWithoutAutosave() throws SQLException {
        try (Connection connection = Database.connect()) {
            connection.setAutoCommit(false);
            Database.execute(connection, "CREATE TABLE vanished (id int)");
            assertThrows(SQLException.class, () -> Database.rows(connection, "SELECT * FROM nowhere"));
            SQLException fault = assertThrows(SQLException.class, () -> Database.rows(connection, "SELECT 1"));
            assertEquals("25P02", fault.getSQLState());
            connection.rollback();
            assertThrows(SQLException.class, () -> Database.rows(connection, "SELECT * FROM vanished"));
            connection.rollback();
            connection.setReadOnly(true);
            fault = assertThrows(SQLException.class, () -> Database.execute(connection, "CREATE TABLE refused (id int)"));
            assertEquals("25006", fault.getSQLState());
        }
    }

    @Test
    void theSameTextIsPreparedAgainAfterItsTableHasChanged() throws SQLException {
        try (Connection connection = Database.connect("prepareThreshold", "1")) {
            Database.execute(connection, "CREATE TABLE changing (a int)", "INSERT INTO changing VALUES (1)");
            try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM changing")) {
                for (int round = 0; round < 3; round++) {
                    try (ResultSet result = statement.executeQuery()) {
                        assertEquals(1, result.getMetaData().getColumnCount());
                    }
                }
                Database.execute(connection, "ALTER TABLE changing ADD COLUMN b int DEFAULT 2");
                try (ResultSet result = statement.executeQuery()) {
                    assertEquals(List.of(List.<Object>of(1, 2)), Database.rows(result));
                }
            }
        }
    }

    @Test
    void aQueryIsCancelled() throws Exception {
        try (Connection connection = Database.connect();
                Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            SQLException fault = assertThrows(SQLException.class, () -> statement.executeQuery(ENDLESS));
            assertEquals("57014", fault.getSQLState());
            assertEquals(List.of(List.<Object>of(1)), Database.rows(connection, "SELECT 1"));
            assertTrue(connection.isValid(5));
        }
    }

    @Test
    void copyGoesInAndOut() throws Exception {
        try (Connection connection = Database.connect()) {
            CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
            Database.execute(connection, "CREATE TABLE copied (a int, b text)");
            byte[] lines = "1,\"a,b\"\n2,\n".getBytes(StandardCharsets.UTF_8);
            assertEquals(2, copy.copyIn("COPY copied FROM STDIN (FORMAT csv)", new ByteArrayInputStream(lines)));
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            assertEquals(2, copy.copyOut("COPY (SELECT a, b FROM copied ORDER BY a) TO STDOUT (FORMAT csv)", out));
            assertArrayEquals(lines, out.toByteArray());
            CopyIn given = copy.copyIn("COPY copied FROM STDIN");
            given.writeToCopy("3\tc\n".getBytes(StandardCharsets.UTF_8), 0, 4);
            given.cancelCopy();
            assertEquals(List.of(List.<Object>of(2L)), Database.rows(connection, "SELECT count(*) FROM copied"));
            SQLException fault = assertThrows(
                    SQLException.class,
                    () -> copy.copyIn("COPY copied FROM STDIN", new ByteArrayInputStream("x\ty\n".getBytes(StandardCharsets.UTF_8))));
            assertEquals("22P02", fault.getSQLState());
        }
    }
}
