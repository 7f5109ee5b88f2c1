package altertable.conformance;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.logging.Level;
import java.util.logging.Logger;

/** SQL through the JDBC driver. */
final class Jdbc implements AutoCloseable {
  /** The types whose values the driver gives without loss; VARCHAR it also calls JSON. */
  private static final Set<String> EXACT = Set.of("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DOUBLE");

  /** Tells of its memory at length otherwise. */
  private static final Logger DRIVER = Logger.getLogger("org.apache.arrow.driver");

  static {
    DRIVER.setLevel(Level.WARNING);
  }

  private final Target.Server server;
  private final Map<String, Connection> connections = new HashMap<>();

  Jdbc(Target.Server server) {
    this.server = server;
  }

  /** Runs a statement in the session of a token; not if its result has types that the driver cannot give exactly. */
  Optional<Map<String, Object>> run(String token, String sql) {
    try (var statement = connection(token).prepareStatement(sql)) {
      var columns = statement.getMetaData();
      if (columns == null || columns.getColumnCount() == 0) {
        return Optional.of(SqlOutcome.of(List.of("Count"), List.of(List.of(Data.number(statement.executeLargeUpdate()))), null));
      } else if (!exact(columns)) {
        return Optional.empty();
      }
      try (var results = statement.executeQuery()) {
        return Optional.of(read(results));
      }
    } catch (SQLException error) {
      Throwable root = error;
      while (root.getCause() != null) {
        root = root.getCause();
      }
      return Optional.of(SqlOutcome.of(null, List.of(), root.getMessage()));
    }
  }

  private Connection connection(String token) throws SQLException {
    if (!connections.containsKey(token)) {
      var properties = new Properties();
      properties.put("token", token);
      properties.put("useEncryption", Boolean.toString(server.encryptsFlight()));
      connections.put(token, DriverManager.getConnection("jdbc:arrow-flight-sql://" + server.flight().getAuthority(), properties));
    }
    return connections.get(token);
  }

  private static boolean exact(ResultSetMetaData columns) throws SQLException {
    for (int i = 1; i <= columns.getColumnCount(); i++) {
      if (!EXACT.contains(columns.getColumnTypeName(i))) {
        return false;
      }
    }
    return true;
  }

  private static Map<String, Object> read(ResultSet results) throws SQLException {
    var names = new ArrayList<>();
    for (int i = 1; i <= results.getMetaData().getColumnCount(); i++) {
      names.add(results.getMetaData().getColumnLabel(i));
    }
    var rows = new ArrayList<>();
    while (results.next()) {
      var row = new ArrayList<>();
      for (int i = 1; i <= names.size(); i++) {
        var value = results.getObject(i);
        row.add(value instanceof Double number && !Double.isFinite(number) ? null : Data.from(value));
      }
      rows.add(row);
    }
    return SqlOutcome.of(names, rows, null);
  }

  @Override
  public void close() throws SQLException {
    for (var connection : connections.values()) {
      connection.close();
    }
  }
}
