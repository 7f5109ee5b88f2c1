package altertable.conformance;

import java.net.URI;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.arrow.driver.jdbc.shaded.org.apache.arrow.flight.FlightRuntimeException;
import org.apache.arrow.util.AutoCloseables;

/** SQL through the JDBC driver. */
final class Jdbc implements AutoCloseable {
  private record Outcome(List<String> columns, List<List<Object>> rows, String error) {}

  private static final String BEARER = "authorization Bearer ";

  /** The types whose values it gives without loss; VARCHAR it also calls JSON, and the digits of doubles vary. */
  private static final Set<String> EXACT = Set.of("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT");

  /** Tells of its memory at length otherwise. */
  private static final Logger DRIVER = Logger.getLogger("org.apache.arrow.driver");

  static {
    DRIVER.setLevel(Level.WARNING);
  }

  private final Map<String, Connection> connections = new ConcurrentHashMap<>();

  /** Runs a statement; null, before it has run, if the driver cannot send the call or give its result as it is. */
  Object run(Message asked) {
    var metadata = asked.metadata().size() == 1 ? String.join(" ", asked.metadata().get(0)) : "";
    if (!metadata.startsWith(BEARER) || asked.pauseAfter() != null) {
      return null;
    }
    var token = metadata.substring(BEARER.length());
    try (var statement = connection(URI.create(asked.url()), token).prepareStatement(asked.statement())) {
      return run(statement);
    } catch (SQLException | FlightRuntimeException error) {
      // What fails after the first rows, the driver throws as Flight's own exception.
      Throwable root = error;
      while (root.getCause() != null) {
        root = root.getCause();
      }
      return new Outcome(null, List.of(), Objects.requireNonNullElse(root.getMessage(), root.toString()));
    }
  }

  private synchronized Connection connection(URI server, String token) throws SQLException {
    if (!connections.containsKey(token)) {
      var properties = new Properties();
      properties.put("token", token);
      properties.put("useEncryption", Boolean.toString(FlightCalls.encrypts(server)));
      var address = "jdbc:arrow-flight-sql://" + server.getAuthority();
      connections.put(token, DriverManager.getConnection(address, properties));
    }
    return connections.get(token);
  }

  private static Outcome run(PreparedStatement statement) throws SQLException {
    var shape = statement.getMetaData();
    var columns = new ArrayList<String>();
    boolean exact = true;
    for (int i = 1; shape != null && i <= shape.getColumnCount(); i++) {
      columns.add(shape.getColumnLabel(i));
      exact &= EXACT.contains(shape.getColumnTypeName(i));
    }
    if (columns.isEmpty()) {
      return new Outcome(List.of("Count"), List.of(List.of(statement.executeLargeUpdate())), null);
    }
    return exact ? new Outcome(columns, rows(statement, columns.size()), null) : null;
  }

  private static List<List<Object>> rows(PreparedStatement statement, int columns) throws SQLException {
    var rows = new ArrayList<List<Object>>();
    try (var results = statement.executeQuery()) {
      while (results.next()) {
        var row = new ArrayList<>();
        for (int i = 1; i <= columns; i++) {
          row.add(results.getObject(i));
        }
        rows.add(row);
      }
    }
    return rows;
  }

  @Override
  public void close() throws Exception {
    AutoCloseables.close(connections.values());
  }
}
